/**
 * One step of the method: what the scheduler makes of the kappas so far, the rates that follow, the update, and what is
 * measured of it. No rate of a training step is changed anywhere else: the alignment before it has its own schedule
 * (align.ts), and multiples for the encoder's parts stand in partVectors.ts.
 */
import { factsOfRegulariser } from '../balance/regularisers';
import { windowOf } from '../balance/schedulers';
import { metricsOf, seenGradient } from '../balance/measure';
import { kappaOf } from '../balance/kappa';
import { regulariserWeights } from '../balance/regulariser';
import type { Decision } from '../balance/schedulers';
import { both, type PerModule } from '../modules';
import { adamDecays } from '../tensor/optimiserKinds';
import { tf } from '../tensor/tf';
import { batchIndices, fillBatch, type BatchArrays } from './batches';
import { checkFinite } from './finite';
import type { OpenRun } from './open';
import type { MeasureRecord, OfParts, TrainRecord } from './records';
import { isOutOfMemory, OutOfMemoryError } from './memory';
import { toldBeside, toldPairs } from './programs';
import { packStep, updateValues, type StepValues } from './stepInputs';
import { measuredStep, unpackStep, type PartNumbers, type UnpackedStep } from './stepNumbers';
import { stepNoise } from './trainProgram';

/** How both modules are trained in one step. */
export interface StepPlan extends Decision {
  /** from 1 */
  step: number;
  /** learning rates: base rate, scheduler's factor, warm-up */
  rate: PerModule<number>;
  /** whether kappa is measured */
  measured: boolean;
}

/** Asks the scheduler about the next step. It has then seen the kappas that were measured since it was last asked. */
export function planStep({ spec, steps, scheduler, loop, options }: OpenRun): StepPlan {
  const step = loop.step + 1;
  const { warmup } = spec;
  const { state, decision } = scheduler.next(loop.scheduler, {
    step,
    steps,
    warmup,
    logKappas: loop.fresh,
    gradientNorm: loop.gradientNorm,
    parameterNorm: loop.parameterNorm ?? null,
    rate: both((module) => spec.learningRate[module]),
    followed: options.followed ?? null,
  });
  loop.scheduler = state;
  loop.fresh = [];
  const warm = warmup > 0 ? Math.min(1, step / warmup) : 1;
  return {
    ...decision,
    step,
    rate: both((module) => spec.learningRate[module] * decision.factor[module] * warm),
    measured: spec.measure.every > 0 && step % spec.measure.every === 0,
  };
}

/** The questions of a step, and what ends the names of the programs for their size. */
export type Questions = (step: number) => { batch: BatchArrays; suffix: string };

/** The batches of a run: epochs of seeded permutations of its training questions. */
export function trainingBatches({ spec, prepared }: OpenRun): Questions {
  const { train } = prepared.examples;
  const indices = batchIndices(train.length, spec.batch, spec.seed, 'train');
  return (step) => {
    const examples = indices(step).map((i) => train[i]!);
    const { suffix, shape } = prepared.sizes.of(examples.map(({ media }) => media));
    return { batch: fillBatch(examples, prepared.features, shape(spec.batch)), suffix };
  };
}

/**
 * Takes the step: parameters at t become those at t + 1 in the session.
 * @throws Error when loss or a gradient is not finite (naming step and module), OutOfMemoryError
 */
export async function takeStep(run: OpenRun, plan: StepPlan, questions: Questions): Promise<UnpackedStep> {
  const { spec, setting, loop, session } = run;
  const adam = adamDecays(spec.optimiser);
  const updates = both((module) => loop.updates[module] + (plan.active[module] ? 1 : 0));
  const { batch, suffix } = questions(plan.step);
  const values: StepValues = {
    batch,
    probe: plan.measured ? run.probe : null,
    update: both((module) => updateValues(adam, updates[module], plan.rate[module], plan.active[module])),
    weights: regulariserWeights(loop.kappaAverage),
    noise: stepNoise(setting, spec.seed, plan.step, plan.noise !== false),
  };
  let numbers: Float32Array;
  try {
    numbers = (await session.run(`${plan.measured ? 'measured' : 'train'}${suffix}`, packStep(values)))['numbers']!;
  } catch (error) {
    throw isOutOfMemory(error) ? new OutOfMemoryError(spec.batch, tf.getBackend(), error) : error;
  }
  const taken = unpackStep(numbers, setting.toldParts, toldPairs(setting), toldBeside(spec.measure));
  for (const divergences of [taken.measure, taken.beside.probe ?? null])
    checkFinite(taken.step, plan.step, divergences);
  loop.updates = updates;
  return taken;
}

/** The rates that were in force: none for a frozen module. */
const usedRate = ({ active, rate }: StepPlan): PerModule<number> =>
  both((module) => (active[module] ? rate[module] : 0));

/** What a record tells of the encoder's parts; nothing where there are none to tell of. */
function toldOf<T>(parts: UnpackedStep['parts'], tell: (numbers: PartNumbers) => T): { parts?: OfParts<T> } {
  const told = Object.entries(parts).map(([part, numbers]) => [part, tell(numbers)] as const);
  return told.length === 0 ? {} : { parts: Object.fromEntries(told) as OfParts<T> };
}

const ratio = (above: number, below: number): number => (below > 0 ? above / below : 0);

/** The journal's record of a step. */
export const trainRecord = (plan: StepPlan, { step, parts, pairs }: UnpackedStep): TrainRecord => ({
  kind: 'train',
  step: plan.step,
  loss: step.crossEntropy,
  learningRate: usedRate(plan),
  gradientNorm: { encoder: step.normEncoder, backbone: step.normBackbone },
  ...(pairs.share === undefined ? {} : { regulariserShare: pairs.share }),
  ...(pairs.distance === undefined ? {} : { distance: pairs.distance }),
  ...toldOf(parts, ({ gradient }) => ({ gradientNorm: gradient })),
});

/** Remembers of every step what schedulers and metrics look back on. */
export function observeStep({ spec: { regulariser }, loop }: OpenRun, { step, pairs }: UnpackedStep): void {
  const { cap } = factsOfRegulariser(regulariser);
  if (cap !== null && Math.max(step.klEncoder, step.klBackbone) > cap) loop.capped += 1;
  loop.gradientNorm = { encoder: step.normEncoder, backbone: step.normBackbone };
  if (pairs.parameterNorm !== undefined) loop.parameterNorm = pairs.parameterNorm;
  loop.memory = seenGradient(loop.memory, loop.gradientNorm);
}

/** What a record tells beside the measure: nothing unless the manifest asks for it. */
function besideRecord({ probe, withoutEnd }: UnpackedStep['beside']): Pick<MeasureRecord, 'probe' | 'withoutEnd'> {
  return {
    ...(probe === undefined ? {} : { probe: kappaOf(probe.dBackbone, probe.dEncoder) }),
    ...(withoutEnd === undefined
      ? {}
      : { withoutEnd: { loss: withoutEnd.loss, ...kappaOf(withoutEnd.dBackbone, withoutEnd.dEncoder) } }),
  };
}

/** kappa of the step and its metrics, which the scheduler sees at the next; null for a step that was not measured. */
export function measureRecord(
  { spec, loop }: OpenRun,
  plan: StepPlan,
  { step, measure, parts, beside }: UnpackedStep,
): MeasureRecord | null {
  if (measure === null) return null;
  const { metrics, memory } = metricsOf(measuredStep(step, measure), loop.memory, windowOf(spec.scheduler));
  loop.memory = memory;
  loop.kappaAverage = metrics.kappaAverage;
  loop.fresh = [metrics.logKappa];
  return {
    kind: 'measure',
    step: plan.step,
    on: spec.measure.on,
    ...metrics,
    learningRate: usedRate(plan),
    factor: plan.factor,
    convergenceFactor: Math.min(plan.factor.encoder, plan.factor.backbone),
    regulariser: step.loss - step.crossEntropy,
    ...besideRecord(beside),
    ...toldOf(parts, ({ gradient, theta, delta }) => ({
      gradientNorm: gradient,
      parameterNorm: theta,
      relativeGradient: ratio(gradient, theta),
      updateRatio: ratio(delta, theta),
    })),
  };
}
