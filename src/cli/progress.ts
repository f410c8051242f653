/**
 * Progress of many runs: one rewritten line on a terminal; elsewhere a line for each finished run and one every ten
 * seconds.
 */
import { printable } from '../printable';
import type { Timing } from '../runner/estimate';
import { estimateRuns, runEstimator } from '../runner/estimate';
import type { PlannedRun } from '../runner/plan';
import type { Ending, QueueEvent } from '../runner/queue';
import { count, duration, short } from './text';

/** Where progress is written: process.stderr, or a collector in tests. */
interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

interface ProgressOptions {
  stream: ProgressStream;
  /** runs of the whole manifest, and how many of them were done before */
  total: number;
  done: number;
  /** the runs that this command brings to done */
  runs: readonly PlannedRun[];
  workers: number;
  timings: readonly Timing[];
  /** the timing of a run that has just finished */
  timingOf: (run: PlannedRun) => Timing | null;
}

interface Running {
  run: PlannedRun;
  stage: string;
  step: number;
  steps: number;
  loss: number | null;
  kappa: number | null;
  stepsPerSecond: number | null;
}

/** What is known of a sweep's runs while they are brought to done. */
interface SweepState {
  running: Map<string, Running>;
  left: Map<string, PlannedRun>;
  done: number;
  failed: number;
  timings: Timing[];
  /** seconds of a run like this one, by the timings; null for a kind of which none is known */
  secondsOf: (spec: PlannedRun['spec']) => number | null;
}

function stateOf({ runs, done, timings }: ProgressOptions): SweepState {
  return {
    running: new Map(),
    left: new Map(runs.map((run) => [run.id, run])),
    done,
    failed: 0,
    timings: [...timings],
    secondsOf: runEstimator(timings),
  };
}

/** A run that has begun and said nothing yet. */
const justStarted = (run: PlannedRun): Running => ({
  run,
  stage: '',
  step: 0,
  steps: 0,
  loss: null,
  kappa: null,
  stepsPerSecond: null,
});

/** Brings the state up to date with an event of the queue; returns the line that tells of it, null for none. */
function take(state: SweepState, event: QueueEvent, options: ProgressOptions): string | null {
  const { running } = state;
  switch (event.kind) {
    case 'started':
      running.set(event.run.id, justStarted(event.run));
      return null;
    case 'stage': {
      const now = running.get(event.run.id);
      if (now !== undefined) now.stage = event.stage;
      return null;
    }
    case 'progress':
      running.set(event.run.id, { ...event, stage: running.get(event.run.id)?.stage ?? '' });
      return null;
    case 'retry':
      return `${event.run.id} ${printable(event.reason)}; it is tried again`;
    case 'waiting':
      return `${event.run.id} another runner is training it; waiting`;
    case 'stopping':
      return printable(event.why);
    case 'ended': {
      const { run, ending } = event;
      running.delete(run.id);
      state.left.delete(run.id);
      if (ending.kind === 'failed') state.failed += 1;
      else if (ending.kind !== 'stopped') state.done += 1;
      const timing = ending.kind === 'trained' ? options.timingOf(run) : null;
      if (timing !== null) {
        state.timings.push(timing);
        state.secondsOf = runEstimator(state.timings);
      }
      return `[${state.done}/${options.total}] ${run.id} ${endingText(ending)}  ${run.description}`;
    }
  }
}

/** Listens to a queue and shows it until `end`. */
export function showProgress(options: ProgressOptions): { observe: (event: QueueEvent) => void; end: () => void } {
  const { stream } = options;
  const live = stream.isTTY === true;
  const state = stateOf(options);
  let drawn = false;

  const clear = () => {
    if (drawn) stream.write('\r\u001b[2K');
    drawn = false;
  };
  const line = (text: string) => {
    clear();
    stream.write(`${text}\n`);
  };
  const draw = () => {
    const text = summary(options, state);
    if (!live) return line(text);
    clear();
    stream.write(text.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
    drawn = true;
  };
  const timer = setInterval(draw, live ? 250 : 10_000);

  return {
    observe: (event) => {
      const told = take(state, event, options);
      if (told !== null) line(told);
    },
    end: () => {
      clearInterval(timer);
      clear();
    },
  };
}

function endingText(ending: Ending): string {
  switch (ending.kind) {
    case 'trained':
      return `done in ${duration(ending.seconds)}, accuracy ${ending.accuracy.toFixed(3)}`;
    case 'copied':
      return `copied from ${ending.from}`;
    case 'elsewhere':
      return 'done by another runner';
    case 'failed':
      return `failed: ${printable(ending.message)}`;
    case 'stopped':
      return `stopped at step ${ending.step}`;
  }
}

/** `12/54 done, 1 failed | 0f3a step 120/200 loss 1.02 kappa 1.9 8.3 steps/s | +1 more | about 12 min left`. */
function summary(options: ProgressOptions, { running: byId, left, done, failed, secondsOf }: SweepState): string {
  const running = [...byId.values()];
  const parts = [`${done}/${options.total} done${failed > 0 ? `, ${failed} failed` : ''}`];
  const [first] = running;
  if (first !== undefined) parts.push(runningText(first));
  if (running.length > 1) parts.push(`${count(running.length - 1, 'other')} running`);
  const seconds = secondsLeft(options.workers, running, [...left.values()], secondsOf);
  if (seconds !== null) parts.push(`about ${duration(seconds)} left`);
  return parts.join(' | ');
}

function runningText({ run, stage, step, steps, loss, kappa, stepsPerSecond }: Running): string {
  if (step === 0 || (steps > 0 && step >= steps)) return `${run.id.slice(0, 6)} ${stage || 'starting'}`;
  const parts = [`${run.id.slice(0, 6)} step ${step}${steps > 0 ? `/${steps}` : ''}`];
  if (loss !== null) parts.push(`loss ${short(loss)}`);
  if (kappa !== null) parts.push(`kappa ${short(kappa)}`);
  if (stepsPerSecond !== null) parts.push(`${short(stepsPerSecond)} steps/s`);
  return parts.join(' ');
}

/**
 * Seconds until all are done; null as long as nothing is known of any of them. A kind without a finished run is taken
 * as the mean of the known.
 */
function secondsLeft(
  workers: number,
  running: readonly Running[],
  left: readonly PlannedRun[],
  secondsOf: (spec: PlannedRun['spec']) => number | null,
): number | null {
  const speeds = running.flatMap(({ steps, stepsPerSecond }) =>
    stepsPerSecond === null || steps === 0 ? [] : [steps / stepsPerSecond],
  );
  const known = [...left.flatMap((run) => secondsOf(run.spec) ?? []), ...speeds];
  if (known.length === 0) return null;
  const mean = known.reduce((sum, seconds) => sum + seconds, 0) / known.length;
  const active = new Map(running.map((each) => [each.run.id, each]));
  const remaining = (run: PlannedRun) => {
    const now = active.get(run.id);
    const share = now === undefined || now.steps === 0 ? 1 : 1 - now.step / now.steps;
    return share * (secondsOf(run.spec) ?? mean);
  };
  const shares = new Map(left.map((run) => [run.spec, remaining(run)]));
  return estimateRuns(
    left.map((run) => run.spec),
    workers,
    (spec) => shares.get(spec) ?? mean,
  ).seconds;
}
