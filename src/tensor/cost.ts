/**
 * What a call of a program costs, from shapes alone: products, bytes moved, and memory for what is neither state nor
 * input.
 */
import { recordingAdam } from './adam';
import type { Program } from './declared';
import { planningKernels, type Kernels } from './kernels';
import { heedingPrecision } from './products';
import { sizeOf } from './shape';
import { pieceOf, shapeTensor, withoutValues, type KernelCost } from './shapeBackend';
import type { Tensor, Tensors } from './tf';

export interface ProgramCost {
  /** floating-point operations of matrix products and convolutions, two for each multiplication with its addition */
  flops: number;
  /** bytes that all kernels read and write, weights among them */
  movedBytes: number;
  kernels: number;
  /**
   * most bytes that intermediate results take at once: `recorded`, when a result is given back after its last use, as a
   * graph does; `eager`, as TensorFlow.js holds them op by op
   */
  activationBytes: { recorded: number; eager: number };
  /** bytes of the declared inputs */
  inputBytes: number;
}

/**
 * The cost of one call. `shapes`: shapes of the state that the program reads. Computes nothing and needs no backend.
 */
export function programCost(
  program: Program,
  shapes: Record<string, readonly number[]>,
  kernels: Kernels = 'plain',
): ProgramCost {
  let given = 0,
    inputBytes = 0;
  const {
    result,
    kernels: ran,
    eagerBytes,
  } = withoutValues(() => {
    const inputs: Tensors = {},
      state: Tensors = {};
    for (const [name, { shape, dtype }] of Object.entries(program.inputs)) {
      inputs[name] = shapeTensor(shape, dtype);
      inputBytes += 4 * sizeOf(shape);
    }
    for (const name of program.reads) {
      const shape = shapes[name];
      if (shape === undefined) throw new Error(`the program reads state "${name}", whose shape is not given`);
      state[name] = shapeTensor(shape);
      given += 4 * sizeOf(shape);
    }
    // As the recorder has it, an update of Adam is one pass over its vectors in place.
    const { outputs, state: next = {} } = recordingAdam(
      ({ theta, first, second }) => ({ theta, first, second }),
      () => planningKernels(kernels, () => heedingPrecision(() => program.run(inputs, state))),
    );
    return [...Object.values(outputs), ...Object.values(next)].map((tensor: Tensor) => pieceOf(tensor));
  });
  return {
    flops: ran.reduce((sum, { flops }) => sum + flops, 0),
    movedBytes: ran.reduce((sum, { bytes }) => sum + bytes, 0),
    kernels: ran.length,
    activationBytes: { recorded: mostAlive(ran, new Set(result)), eager: eagerBytes - given - inputBytes },
    inputBytes,
  };
}

/**
 * Most bytes alive at once when kernels run in their order and a result is given back after its last reader. A kernel
 * that works place by place takes over the memory of an input that it is the last to read, as TensorFlow's buffer
 * forwarding does.
 */
function mostAlive(kernels: readonly KernelCost[], kept: ReadonlySet<object>): number {
  const lastRead = new Map<object, number>();
  kernels.forEach(({ reads }, i) => reads.forEach((piece) => lastRead.set(piece, i)));
  const alive = new Map<object, number>();
  let now = 0,
    most = 0;
  kernels.forEach(({ reads, makes, inPlace }, i) => {
    const dying = [...new Set(reads)].filter(
      (piece) => alive.has(piece) && lastRead.get(piece) === i && !kept.has(piece),
    );
    const reused = inPlace ? dying.find((piece) => alive.get(piece) === makes[0]?.[1]) : undefined;
    if (reused !== undefined) {
      now -= alive.get(reused)!;
      alive.delete(reused);
    }
    for (const [piece, bytes] of makes) {
      alive.set(piece, bytes);
      now += bytes;
    }
    most = Math.max(most, now);
    for (const piece of [
      ...dying,
      ...makes.flatMap(([made]) => (lastRead.has(made) || kept.has(made) ? [] : [made])),
    ]) {
      now -= alive.get(piece) ?? 0;
      alive.delete(piece);
    }
  });
  return most;
}
