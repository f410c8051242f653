/** Memory that runs out in a step: how it is recognised, and what a person is told: the size asked for, the largest that would fit. */

/**
 * Whether an error of a backend means that memory ran out (TensorFlow: OOM, RESOURCE_EXHAUSTED; V8: Array buffer
 * allocation failed; Dawn: out of memory).
 */
export function isOutOfMemory(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return /\bOOM\b|RESOURCE_?EXHAUSTED|ResourceExhausted|out of memory|bad_alloc|allocation failed|failed to allocate/i.test(
    message,
  );
}

/** The largest batch below `batch`, by halving, for which `fits` resolves to true; 0 when not even one example fits. */
export async function largestBatch(batch: number, fits: (batch: number) => Promise<boolean>): Promise<number> {
  for (let tried = Math.floor(batch / 2); tried >= 1; tried = Math.floor(tried / 2)) {
    if (await fits(tried)) return tried;
  }
  return 0;
}

/** A step whose batch does not fit, before it is known which would. */
export class OutOfMemoryError extends Error {
  constructor(
    readonly batch: number,
    device: string,
    cause: unknown,
  ) {
    const first = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!;
    super(`out of memory on ${device} with a batch of ${batch} examples (${first.slice(0, 200)})`, { cause });
  }
}

/** What to do about it. `largest`: as `largestBatch` finds it; `isRecomputed`: layers are computed again already. */
export function memoryAdvice(largest: number, isRecomputed: boolean): string {
  const layers = isRecomputed ? '' : ', "checkpointing": "layers"';
  return largest > 0
    ? `the largest batch found to fit by halving is ${largest}; "accumulate" takes a batch in parts of that size${isRecomputed ? '' : ', and "checkpointing": "layers" needs less for each'}`
    : `not even one example fits: take a smaller backbone${layers} or shorter texts`;
}
