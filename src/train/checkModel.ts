/**
 * Parity with a reference implementation: a folder holds a checkpoint, a batch with what the reference computed on it,
 * and a trajectory of training steps; the same is computed here, by the programs of every run, and compared.
 */
import { kappaOf } from '../balance/kappa';
import { moduleOf, parametersOf } from '../models/composition';
import { loadFamily } from '../models/published';
import { familyModel, type FamilyModel } from '../models/published/family';
import { sizeOf } from '../tensor/shape';
import type { Kernels } from '../tensor/kernels';
import { openSession, type Session } from '../tensor/program';
import { itemsOf, readReference, stepFields, type Reference, type StepValues } from './checkReference';
import { familyForwardProgram, familyLogitsProgram, type FamilySetting } from './familyPrograms';
import { initialState } from './programs';
import { packStep, updateValues } from './stepInputs';
import { unpackStep } from './stepNumbers';
import { trainProgram } from './trainProgram';
import { completeSpec } from '../parts/define';
import { optimisers } from '../tensor/optimiserKinds';
import { both, moduleNames } from '../modules';

/**
 * Largest differences that pass: features, logits and the loss before training absolute; while training all are
 * relative (the loss to at least 1), because Adam turns the last digit of a vanishing gradient into a whole step.
 */
export const checkBounds = { features: 1e-4, logits: 1e-4, loss: 1e-5, gradientNorm: 1e-4, kappa: 1e-3 } as const;

/** Learning rates of the reference trajectory: Adam without weight decay or clipping on all parameters. */
const rates = { encoder: 1e-3, backbone: 5e-4 } as const;

/** Worst difference of two tensors; relative to the largest magnitude expected. */
export interface Difference {
  absolute: number;
  relative: number;
}

export interface CheckReport {
  folder: string;
  family: string;
  /** all parameters of the checkpoint by module; `expected` where the reference states them */
  parameters: { encoder: number; backbone: number; expected: { encoder: number; backbone: number } | null };
  features: Difference;
  logits: Difference;
  loss: { computed: number; expected: number; absolute: number };
  /**
   * by step: what was computed, what was expected, the relative difference, and kappa as runs record it, in float32 on
   * the device
   */
  trajectory: {
    step: number;
    computed: StepValues;
    expected: StepValues;
    difference: StepValues;
    recordedKappa: number;
  }[];
  /** largest difference over all steps */
  worst: StepValues;
  bounds: typeof checkBounds;
  /** one sentence for each bound that does not hold */
  failures: string[];
  /** what a person should know of how it ran */
  notices: string[];
}

/**
 * Compares on the current backend, with its plain or its fused kernels. Throws UserError for a folder whose files are missing, malformed or do not fit each
 * other.
 */
export async function checkModel(folder: string, kernels: Kernels = 'plain'): Promise<CheckReport> {
  const loaded = loadFamily(folder);
  const full = { kind: 'full' } as const;
  const model = familyModel(loaded, {
    tuning: { tower: full, connector: full, backbone: full },
    items: itemsOf(folder, loaded.family),
  });
  const reference = readReference(folder, model);
  const setting: FamilySetting = {
    model,
    vocabulary: loaded.family.decoder.vocabulary,
    optimiser: completeSpec(optimisers, { kind: 'adam', clip: 0 }),
    regulariser: { kind: 'none' },
  };
  const session = openSession(
    {
      forward: familyForwardProgram(model, reference.shape),
      asked: familyLogitsProgram(model, reference.shape),
      train: trainProgram(setting, reference.shape, moduleNames, { variant: 'a', probe: null }),
    },
    initialState(setting, 0),
    { kernels },
  );
  try {
    return await compare(folder, model, reference, session);
  } finally {
    session.dispose();
  }
}

async function compare(
  folder: string,
  model: FamilyModel,
  reference: Reference,
  session: Session,
): Promise<CheckReport> {
  const { batch, shape } = reference;
  const family = model.composition;
  const forward = await session.run('forward', { features: batch.features, tokens: batch.tokens });
  const width = family.decoder.vocabulary;
  const offset = model.decoding.before;
  // The reference keeps the logits of text tokens; ours begin with the features' where these stand before the text.
  const text = new Float32Array(reference.logits.length);
  for (let row = 0; row < shape.batch; row++)
    text.set(
      forward['logits']!.subarray(
        (row * (offset + shape.tokens) + offset) * width,
        (row + 1) * (offset + shape.tokens) * width,
      ),
      row * shape.tokens * width,
    );
  const features = difference(forward['features']!, reference.features);
  const logits = difference(text, reference.logits, (i) => reference.counted[Math.floor(i / width)] === 1);

  const { trajectory, loss } = await follow(session, reference, width);
  const worst = eachField((field) =>
    trajectory.reduce((most, { difference: by }) => (by[field] <= most ? most : by[field]), 0),
  );
  const counts = (module: 'encoder' | 'backbone') =>
    parametersOf(family)
      .filter(({ part }) => moduleOf(part, 'encoder') === module)
      .reduce((sum, { shape: sides }) => sum + sizeOf(sides), 0);
  const report: CheckReport = {
    folder,
    family: family.kind,
    features,
    logits,
    trajectory,
    worst,
    bounds: checkBounds,
    failures: [],
    notices: session.notice === undefined ? [] : [session.notice],
    parameters: { encoder: counts('encoder'), backbone: counts('backbone'), expected: reference.parameters },
    loss: { computed: loss, expected: reference.loss, absolute: Math.abs(loss - reference.loss) },
  };
  return { ...report, failures: failuresOf(report) };
}

/** The reference's training steps taken here, and the loss before the first. */
async function follow(
  session: Session,
  reference: Reference,
  width: number,
): Promise<{ trajectory: CheckReport['trajectory']; loss: number }> {
  const trajectory: CheckReport['trajectory'] = [];
  let loss = NaN;
  for (const [at, expected] of reference.steps.entries()) {
    const { step, measure, divergences } = await trainStep(session, reference, width, at + 1);
    if (at === 0) loss = step.loss;
    const computed: StepValues = {
      loss: step.loss,
      gradientNormEncoder: step.normEncoder,
      gradientNormBackbone: step.normBackbone,
      ...divergences,
      kappa: divergences.dBackbone / divergences.dEncoder,
    };
    const by = (field: (typeof stepFields)[number]) =>
      Math.abs(computed[field] - expected[field]) / Math.max(Math.abs(expected[field]), field === 'loss' ? 1 : 0);
    trajectory.push({
      step: at,
      computed,
      expected,
      difference: eachField(by),
      recordedKappa: kappaOf(measure.dBackbone, measure.dEncoder).kappa,
    });
  }
  return { trajectory, loss };
}

/**
 * One step, and the divergences that its two halves cause, from logits of the mixed states with sums in float64 as the
 * reference has them; `recordedKappa` says what float32 makes of it.
 */
async function trainStep(session: Session, { batch }: Reference, width: number, at: number) {
  const tables = async () =>
    logProbabilities(
      (await session.run('asked', { features: batch.features, tokens: batch.tokens, positions: batch.positions }))[
        'logits'
      ]!,
      width,
    );
  const thetas = async () => ({
    encoder: await session.read('encoder/theta'),
    backbone: await session.read('backbone/theta'),
  });
  const before = await thetas();
  const old = await tables();
  const { step, measure } = unpackStep(
    (await session.run('train', packStep({ batch, update: updatesOf(at) })))['numbers']!,
  );
  const after = await thetas();
  await session.write('encoder/theta', before.encoder);
  const dBackbone = divergence(await tables(), old, batch.mask, width);
  await session.write('encoder/theta', after.encoder);
  await session.write('backbone/theta', before.backbone);
  const dEncoder = divergence(await tables(), old, batch.mask, width);
  await session.write('backbone/theta', after.backbone);
  return { step, measure: measure!, divergences: { dBackbone, dEncoder } };
}

/** Rows of logits -> log-probabilities in float64. */
function logProbabilities(logits: Float32Array, width: number): Float64Array {
  const out = Float64Array.from(logits);
  for (let from = 0; from < out.length; from += width) {
    const row = out.subarray(from, from + width);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = most + Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
    for (let i = 0; i < width; i++) row[i]! -= total;
  }
  return out;
}

/** Mean KL(p || q) in nats over the rows that the mask counts. */
function divergence(p: Float64Array, q: Float64Array, mask: Float32Array, width: number): number {
  let sum = 0,
    rows = 0;
  mask.forEach((counts, row) => {
    if (counts === 0) return;
    rows++;
    for (let i = row * width; i < (row + 1) * width; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  });
  return sum / rows;
}

function failuresOf(report: CheckReport): string[] {
  const failures: string[] = [];
  // Written so that a NaN fails.
  const within = (what: string, value: number, bound: number) => {
    if (!(value <= bound)) failures.push(`${what}: ${value.toPrecision(3)} is above ${bound}`);
  };
  within('features, absolute', report.features.absolute, checkBounds.features);
  within('logits, absolute', report.logits.absolute, checkBounds.logits);
  within('loss, absolute', report.loss.absolute, checkBounds.loss);
  for (const { step, difference: by } of report.trajectory) {
    within(`step ${step}, loss, relative`, by.loss, checkBounds.loss);
    within(`step ${step}, gradient norm of the encoder, relative`, by.gradientNormEncoder, checkBounds.gradientNorm);
    within(`step ${step}, gradient norm of the backbone, relative`, by.gradientNormBackbone, checkBounds.gradientNorm);
    within(`step ${step}, kappa, relative`, by.kappa, checkBounds.kappa);
  }
  const { encoder, backbone, expected } = report.parameters;
  if (expected !== null && (encoder !== expected.encoder || backbone !== expected.backbone))
    failures.push(
      `parameters: encoder ${encoder}, backbone ${backbone}; expected ${expected.encoder}, ${expected.backbone}`,
    );
  return failures;
}

/** Worst difference over the places that count. */
function difference(
  found: Float32Array,
  expected: Float32Array,
  counts: (i: number) => boolean = () => true,
): Difference {
  let absolute = 0,
    largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!counts(i)) continue;
    const by = Math.abs(found[i]! - expected[i]!);
    if (!(by <= absolute)) absolute = by;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return { absolute, relative: largest > 0 ? absolute / largest : absolute };
}

const eachField = (value: (field: (typeof stepFields)[number]) => number): StepValues =>
  Object.fromEntries(stepFields.map((field) => [field, value(field)])) as StepValues;

/** Adam's per-step values, step from 1. */
const updatesOf = (step: number) => both((module) => updateValues({ beta1: 0.9, beta2: 0.999 }, step, rates[module]));
