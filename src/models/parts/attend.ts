/** How the queries of a layer find keys and values: the only place where a pass over whole texts and one with a cache differ. */
import type { Tensor } from '../../tensor/tf';

/** Layer, q [B, H, S, d], k and v [B, G, S, d], of the tokens of this pass -> [B, H, S, d]. */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor;
