/**
 * Rooms without arithmetic for tests of the runner: plausible records from the run's own random numbers, and faults on
 * demand. What it does is steered by FAKE_TRAINER, JSON in the environment, because it also runs inside worker
 * processes.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { filledRun } from '../src/manifest/defaults';
import type { RunSpec } from '../src/manifest/run';
import type { Rooms } from '../src/runner/execute';
import { exitCode, userError } from '../src/problems';
import { random } from '../src/random';
import { newLoop, type RunCheckpoint } from '../src/train/checkpoint';
import { OutOfMemoryError } from '../src/train/memory';
import type { TrainOptions, TrainSummary } from '../src/train/run';
import type { EvaluateRecord, JournalRecord, MeasureRecord } from '../src/train/records';

export interface FakeOrders {
  /** each started training appends its seed here, one a line */
  ledger?: string;
  /** milliseconds a step */
  delay?: number;
  /** milliseconds a step of this seed under the scheduler constant */
  slow?: { seed: number; delay: number };
  /** losses depend on all steps before, by a state that is kept in checkpoints; going on from one is said on stderr */
  carry?: boolean;
  /** this seed throws at this step */
  fail?: { seed: number; step: number; message: string };
  /** this seed ends its process at this step, as often as the ledger has had it at most `times` times */
  crash?: { seed: number; step: number; times: number };
  /** this seed gives NaN as the loss of step 3 */
  nan?: number;
  /** this seed runs out of memory with any batch above this; a trial of one that does not fit is killed */
  memory?: { seed: number; fits: number };
  /** this seed lacks something of the machine */
  unavailable?: number;
  /** records depend on the process, as they must not */
  nondeterministic?: boolean;
}

function orders(): FakeOrders {
  return JSON.parse(process.env['FAKE_TRAINER'] ?? '{}') as FakeOrders;
}

function stepsOfSpec(spec: RunSpec): number {
  return 'steps' in spec.duration ? spec.duration.steps : 10;
}

async function* trainRun(spec: RunSpec, options: TrainOptions): AsyncGenerator<JournalRecord, TrainSummary> {
  const { ledger, delay = 0, slow, carry, fail, crash, nan, memory, unavailable, nondeterministic } = orders();
  if (ledger !== undefined) appendFileSync(ledger, `${spec.seed}\n`);
  if (spec.seed === unavailable)
    throw userError({ where: `data of ${spec.task}`, what: 'cannot be fetched' }, exitCode.unavailable);
  options.onStage?.('training');
  if (memory?.seed === spec.seed && spec.batch > memory.fits)
    throw new OutOfMemoryError(spec.batch, 'cpu', new Error('OOM when allocating tensor'));
  const steps = stepsOfSpec(spec);
  const pair = (value: number) => ({ encoder: value, backbone: value });
  const { checkpoints, from } = carry === true ? options : {};
  let carried = from === undefined ? 0 : from.tensors['encoder/theta']!.data[0]!;
  if (from !== undefined) process.stderr.write(`goes on after step ${from.loop.step}\n`);
  const keep = (step: number) =>
    checkpoints?.save({
      loop: { ...newLoop(null), step, reached: 'trained' },
      tensors: { 'encoder/theta': { shape: [1], data: Float32Array.of(carried) } },
    } satisfies RunCheckpoint);
  for (let step = (from?.loop.step ?? 0) + 1; step <= steps; step++) {
    const pause = slow?.seed === spec.seed && spec.scheduler.kind === 'constant' ? slow.delay : delay;
    if (pause > 0) await sleep(pause);
    if (options.signal?.aborted === true) {
      if (step > 1) keep(step - 1);
      throw options.signal.reason;
    }
    if (fail !== undefined && fail.seed === spec.seed && fail.step === step) throw new Error(fail.message);
    if (
      crash !== undefined &&
      crash.seed === spec.seed &&
      crash.step === step &&
      timesStarted(ledger, spec.seed) <= crash.times
    ) {
      process.stderr.write('the fake library aborts\n');
      process.kill(process.pid, 'SIGKILL');
      await sleep(1000);
    }
    const draw = random(spec.seed, 'fake', step);
    const loss =
      spec.seed === nan && step === 3
        ? NaN
        : 2 / step + draw.uniform() / 10 + (nondeterministic === true ? process.pid : 0) + carried;
    if (carry === true) carried = Math.fround(carried + draw.uniform());
    yield { kind: 'train', step, loss, learningRate: spec.learningRate, gradientNorm: pair(draw.uniform()) };
    if (step % spec.measure.every === 0) yield measure(spec, step, Math.exp(draw.normal()));
    if (checkpoints?.due(step) === true) keep(step);
  }
  const accuracy = Math.round(random(spec.seed, 'accuracy').uniform() * 100) / 100;
  const final: EvaluateRecord = {
    kind: 'evaluate',
    step: steps,
    split: 'evaluation',
    loss: 1,
    choice: { correct: accuracy * 100, total: 100, accuracy },
    choiceByKind: {},
    choiceBySlice: {},
  };
  yield final;
  return {
    steps,
    final,
    notices: [],
    seconds: { prepare: 0.5, train: steps * 0.1, evaluate: 0.25 },
    weights: {},
    checkpoint: new Uint8Array([1, 2, 3]),
    predictions: '',
  };
}

function timesStarted(ledger: string | undefined, seed: number): number {
  return ledger === undefined ? 1 : readLedger(ledger).filter((entry) => entry === seed).length;
}

/** Seeds in the order in which their trainings began. */
export function readLedger(path: string): number[] {
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map(Number)
    : [];
}

function measure(spec: RunSpec, step: number, kappa: number): MeasureRecord {
  const one = { encoder: 1, backbone: 1 };
  return {
    kind: 'measure',
    step,
    on: spec.measure.on,
    dBackbone: kappa,
    dEncoder: 1,
    kappa,
    logKappa: Math.log(kappa),
    floor: false,
    kappaAverage: kappa,
    gradientNorm: one,
    parameterNorm: one,
    relativeGradient: one,
    normalisedGradient: one,
    diminishingIndex: one,
    updateRatio: one,
    progress: { encoder: -1, backbone: -1 },
    bound: one,
    tightness: one,
    scale: one,
    learningRate: spec.learningRate,
    factor: one,
    convergenceFactor: 1,
    bias: 0,
    oscillation: 0,
    signChangeRate: 0,
    regulariser: 0,
  };
}

/** Rooms for executeRun and serve. */
export const fakeRooms: Rooms = {
  useBackend: async (request) => ({
    name: request.name === 'auto' ? 'cpu' : request.name,
    device: 'cpu',
    threads: request.threads ?? 1,
    gpu: false,
    tensorflow: null,
    versions: { fake: '1' },
    notices: [],
  }),
  trainRun,
  totalSteps: async (spec) => stepsOfSpec(spec),
  evaluationItems: async () => 100,
  firstStepFits: async (_spec, batch) => {
    if (batch <= (orders().memory?.fits ?? Infinity)) return true;
    process.kill(process.pid, 'SIGKILL');
    await sleep(1000);
    return false;
  },
};

/** A run of so many steps; the seed decides everything else. */
export function fakeSpec(seed: number, steps = 10): RunSpec {
  return filledRun({
    task: 'fake',
    encoder: 'resnet50',
    connector: { kind: 'mlp' },
    connectorSide: 'encoder',
    backbone: 'stories15m',
    tuning: { backbone: { kind: 'frozen' } },
    scheduler: { kind: 'constant' },
    regulariser: { kind: 'none' },
    learningRate: { encoder: 3e-4, backbone: 3e-4 },
    optimiser: { kind: 'adamw' },
    align: { steps: 0, learningRate: 1e-3 },
    duration: { steps },
    batch: 8,
    warmup: 0,
    measure: { every: 5, on: 'batch' },
    evaluate: { every: 0 },
    device: 'any',
    seed,
  });
}
