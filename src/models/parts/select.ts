/** The states of a vision tower that a connector sees. */
import { tf, type Tensor } from '../../tensor/tf';

/** States [N, 1 + patches, width] -> the chosen ones joined along their width, without the class token if asked. */
export function selectStates(
  states: readonly Tensor[],
  { states: chosen, patchesOnly }: { states: readonly number[]; patchesOnly: boolean },
): Tensor {
  const joined =
    chosen.length === 1
      ? states[chosen[0]!]!
      : tf.concat(
          chosen.map((i) => states[i]!),
          2,
        );
  const [batch, rows, width] = joined.shape as [number, number, number];
  return patchesOnly ? tf.slice(joined, [0, 1, 0], [batch, rows - 1, width]) : joined;
}
