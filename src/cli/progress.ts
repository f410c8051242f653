/**
 * Progress of many runs: on a terminal a few lines that are rewritten, the sum and one for each that is being trained;
 * elsewhere a line for each finished run and one every ten seconds.
 */
import { printable } from '../printable';
import type { Timing } from '../runner/estimate';
import { estimateRuns, runEstimator } from '../runner/estimate';
import type { PlannedRun } from '../runner/plan';
import type { Ending, QueueEvent } from '../runner/queue';
import { widthOf, wrapLines } from './layout';
import { count, duration, short } from './text';

/** Where progress is written: process.stderr, or a collector in tests. */
interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
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
export function showProgress(
  options: ProgressOptions,
  environment: NodeJS.ProcessEnv = process.env,
): { observe: (event: QueueEvent) => void; end: () => void } {
  const { stream } = options;
  // A terminal that cannot go back to what it wrote is written to like a file.
  const live = stream.isTTY === true && environment['TERM'] !== 'dumb';
  const state = stateOf(options);
  let drawn = 0;

  const clear = () => {
    if (drawn > 0) stream.write(`\r${drawn > 1 ? `\u001b[${drawn - 1}A` : ''}\u001b[J`);
    drawn = 0;
  };
  const line = (text: string) => {
    clear();
    stream.write(`${wrapLines(text, live ? (stream.columns ?? 80) : Infinity)}\n`);
  };
  const draw = () => {
    const parts = summary(options, state);
    if (!live) return line(lineOf([parts.sum, ...parts.runs.flat(), ...parts.time]));
    const lines = linesOf(parts, stream).map((each) => fitted(each, Math.max(20, (stream.columns ?? 80) - 1)));
    clear();
    stream.write(lines.join('\n'));
    drawn = lines.length;
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

/** A part of what is said; where there is no room for all, those with the highest number go first. */
interface Part {
  text: string;
  rank: number;
  /** what stands between it and the part before */
  between: string;
}

/** Runs that are shown at once. */
const mostShown = 8;

/** What is said of a sweep: the sum, what runs, how long it takes. `12/54 done, 1 failed | 0f3a step 120/200 ... | about 12 min left`. */
function summary(
  options: ProgressOptions,
  { running: byId, left, done, failed, secondsOf }: SweepState,
): { sum: Part; runs: Part[][]; time: Part[] } {
  const running = [...byId.values()];
  const bar = (text: string, rank = 0): Part => ({ text, rank, between: ' | ' });
  const seconds = secondsLeft(options.workers, running, [...left.values()], secondsOf);
  return {
    sum: bar(`${done}/${options.total} done${failed > 0 ? `, ${failed} failed` : ''}`),
    runs: running.map(runParts),
    time: seconds === null ? [] : [bar(`about ${duration(seconds)} left`)],
  };
}

/** On a terminal: all in one line for one run, else the sum and a line for each run, as many as there is room for. */
function linesOf(
  { sum, runs, time }: ReturnType<typeof summary>,
  { rows = 24, columns = 80 }: ProgressStream,
): Part[][] {
  const one = [sum, ...runs.flat(), ...time];
  if (runs.length <= 1 && widthOf(lineOf(one)) < columns) return [one];
  const room = Math.max(1, Math.min(mostShown, rows - 3));
  const shown = runs.length <= room ? runs : runs.slice(0, room - 1);
  const rest = runs.length - shown.length;
  return [
    [sum, ...time],
    ...shown,
    ...(rest === 0 ? [] : [[{ text: `${count(rest, 'other')} running`, rank: 0, between: '' }]]),
  ];
}

const lineOf = (parts: readonly Part[]): string =>
  parts.map(({ text, between }, i) => (i === 0 ? text : `${between}${text}`)).join('');

/** The parts of a line for which there is room. */
function fitted(all: readonly Part[], width: number): string {
  let parts = all;
  while (widthOf(lineOf(parts)) > width) {
    const rank = Math.max(...parts.map((part) => part.rank));
    if (rank === 0) break;
    parts = parts.filter((part) => part.rank < rank);
  }
  return lineOf(parts).slice(0, width);
}

/** What is said of one run, the least important last to be kept. */
function runParts({ run, stage, step, steps, loss, kappa, stepsPerSecond }: Running): Part[] {
  const id: Part = { text: run.id.slice(0, 6), rank: 0, between: ' | ' };
  const said = (text: string, rank: number): Part => ({ text, rank, between: ' ' });
  if (step === 0 || (steps > 0 && step >= steps)) return [id, said(stage || 'starting', 0)];
  return [
    id,
    said(`step ${step}${steps > 0 ? `/${steps}` : ''}`, 0),
    ...(loss === null ? [] : [said(`loss ${short(loss)}`, 2)]),
    ...(kappa === null ? [] : [said(`kappa ${short(kappa)}`, 1)]),
    ...(stepsPerSecond === null ? [] : [said(`${short(stepsPerSecond)} steps/s`, 3)]),
  ];
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
