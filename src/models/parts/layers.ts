/** The layers of a part, one after the other, each kept for the gradient or computed again for it. */
import { recomputed } from '../../tensor/recompute';
import type { Tensor } from '../../tensor/tf';
import type { Part } from './part';

/** What all layers of a pass share beside the part: masks, tables. */
export interface Shared<S> {
  /** tensors that it is made of, constants to the gradient */
  of: Tensor[];
  make(of: Tensor[]): S;
}

export const nothingShared: Shared<null> = { of: [], make: () => null };

/** Applies the layer `name`, whose parameters' names begin with it, to x. */
export type InLayer<S> = (name: string, x: Tensor, layer: (part: Part, x: Tensor, shared: S) => Tensor) => Tensor;

/**
 * How a part applies its layers. Where they are recomputed each keeps only its input and its trained parameters, and
 * what is shared is made anew in each.
 */
export function layersOf<S>(part: Part, { of, make }: Shared<S>): InLayer<S> {
  const { recomputed: trained, ...plain } = part;
  if (trained === undefined) {
    const shared = make(of);
    return (_name, x, layer) => layer(part, x, shared);
  }
  return (name, x, layer) => {
    const own = Object.keys(part.tensors).filter((each) => each.startsWith(`${name}.`) && trained.has(each));
    return recomputed(
      ([input, ...tensors], fixed) => {
        const theirs = Object.fromEntries(own.map((each, i) => [each, tensors[i]!]));
        return layer({ ...plain, tensors: { ...part.tensors, ...theirs } }, input!, make(fixed));
      },
      [x, ...own.map((each) => part.tensors[each]!)],
      of,
    );
  };
}
