/** Where the time of a run goes, in seconds of the wall clock; for run.json only, never part of a result. */
export interface Seconds {
  prepare: number;
  train: number;
  evaluate: number;
}

export interface PhaseClock {
  /** what follows counts to this phase */
  enter(phase: keyof Seconds): void;
  /** so far, over all attempts; a copy */
  seconds(): Seconds;
}

/** A clock that begins in phase `prepare` with the seconds of earlier attempts. */
export function phaseClock(earlier: Seconds): PhaseClock {
  const total = { ...earlier };
  let phase: keyof Seconds = 'prepare';
  let since = performance.now();
  const settle = () => {
    const now = performance.now();
    total[phase] += (now - since) / 1000;
    since = now;
  };
  return {
    enter(next) {
      settle();
      phase = next;
    },
    seconds() {
      settle();
      return { ...total };
    },
  };
}
