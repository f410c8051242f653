/**
 * Gradient checkpointing (Chen et al. 2016): a function of tensors that keeps nothing for its gradient but what it was
 * given, and is computed again when the gradient arrives.
 */
import { scoped } from './scoped';
import { tf, type Tensor } from './tf';

/** Writes down that `x` may not be read before the tokens are there; gives x as it is from then on. */
export type OrderRecorder = (x: Tensor, tokens: readonly Tensor[]) => Tensor;

const recorder = scoped<OrderRecorder | null>(null);

/** Runs `body` while `record` takes the order of its parts down; recordProgram.ts alone calls this. */
export const recordingOrder = <T>(record: OrderRecorder, body: () => T): T => recorder.during(record, body);

/**
 * x, to be read after the tokens are there. Op by op that is the order of the calls. A graph has no order but that of
 * its edges: without these TensorFlow would compute at once what is to wait, take what is computed twice for one, and put
 * off what frees memory.
 */
export const after = (x: Tensor, tokens: readonly Tensor[]): Tensor =>
  tokens.length === 0 ? x : (recorder.now()?.(x, tokens) ?? x);

/**
 * f(given, fixed), of which only these are kept. `f` must make whatever else it reads anew, or read state and inputs of
 * the program: what was made outside it is gone by the time of the gradient.
 * @param given of floats; the gradient is for each of them, and the first is one on which the result depends
 * @param fixed constants to the gradient
 */
export function recomputed(
  f: (given: Tensor[], fixed: Tensor[]) => Tensor,
  given: Tensor[],
  fixed: Tensor[] = [],
): Tensor {
  return (
    tf.customGrad((...all) => {
      const inputs = all.slice(0, given.length) as Tensor[];
      const save = all[given.length] as unknown as (tensors: Tensor[]) => void;
      save([...inputs, ...fixed]);
      return {
        value: f(inputs, fixed),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [first, ...rest] = saved.slice(0, given.length) as [Tensor, ...Tensor[]];
          const kept = saved.slice(given.length);
          const again = [after(first, [dy]), ...rest];
          const [dx, ...others] = keepingTape(() => tf.grads((...them) => f(them, kept))(again, dy)) as [
            Tensor,
            ...Tensor[],
          ];
          // All of this gradient before the one that needs dx: TensorFlow takes what became ready last first, and would
          // hold what the others are made of to the end.
          return [after(dx, others), ...others];
        },
      };
    }) as (...given: Tensor[]) => Tensor
  )(...given);
}

/** TensorFlow.js forgets the tape of the outer gradient when one is taken inside its backward pass. */
function keepingTape<T>(work: () => T): T {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return work();
  } finally {
    state.activeTape = activeTape;
  }
}
