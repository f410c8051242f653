/** What to tell a person whose batch does not fit: the size asked for, and the largest that would. */

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

/** The failure of a run whose batch does not fit. */
export function outOfMemoryError(batch: number, largest: number, device: string, cause: unknown): Error {
  const advice =
    largest > 0
      ? `the largest batch found to fit by halving is ${largest}`
      : 'not even one example fits: take a smaller backbone or shorter texts';
  const first = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!;
  return new Error(`out of memory on ${device} with a batch of ${batch} examples; ${advice} (${first.slice(0, 200)})`, {
    cause,
  });
}
