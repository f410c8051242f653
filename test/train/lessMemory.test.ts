/**
 * What a step keeps of its forward pass, and in how many parts it takes its batch, changes its memory and nothing else:
 * held to the plain step at every family and decoder, op by op and recorded.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kappaOf } from '../../src/balance/kappa';
import { loadFamily } from '../../src/models/published';
import { tunedFamilyModel } from '../../src/models/published/family';
import type { Checkpointing } from '../../src/models/tuningKinds';
import { both, moduleNames, type PerModule } from '../../src/modules';
import { random } from '../../src/random';
import { chooseBackend, useBackend } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { programCost } from '../../src/tensor/cost';
import { openSession, type Session } from '../../src/tensor/program';
import { answerShape } from '../../src/train/answers';
import type { BatchArrays, BatchShape } from '../../src/train/batches';
import { initialState, toldPairs, type Setting } from '../../src/train/programs';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared } from '../../src/train/run';
import { oneSize } from '../../src/train/sizes';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep, type UnpackedStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { withCache } from '../../testing/environment';
import { published, referenceFolder } from '../../testing/families';
import { notEmpty } from '../../testing/lists';
import { optimiserOf } from '../../testing/specs';
import { tinyBatch, tinyScalars, tinySetting, tinyShape, type TinyOptions } from '../../testing/tinyModel';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

const opened: Session[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session.dispose();
});

interface Taken {
  numbers: UnpackedStep[];
  /** how far both modules have come */
  moved: PerModule<Float32Array>;
  /** lengths of both modules' parameters */
  size: PerModule<number>;
}

/** Two steps, both measured. */
async function take(setting: Setting, shape: BatchShape, batchOf: (step: number) => BatchArrays): Promise<Taken> {
  const initial = initialState(setting, 0);
  const measured = trainProgram(setting, shape, moduleNames, { variant: 'a', probe: null });
  const session = openSession({ measured }, initial);
  opened.push(session);
  expect(session.notice).toBeUndefined();
  const numbers: UnpackedStep[] = [];
  for (const step of [1, 2]) {
    const given = batchOf(step);
    // As a batch is filled: what is no label stands at the first place.
    const batch = { ...given, positions: given.positions.map((place, i) => (given.mask[i] === 0 ? 0 : place)) };
    const values = packStep({ batch, ...tinyScalars(step, { encoder: 0.3, backbone: 0.3 }) });
    numbers.push(unpackStep((await session.run('measured', values))['numbers']!, [], toldPairs(setting)));
  }
  const end = { encoder: await session.read('encoder/theta'), backbone: await session.read('backbone/theta') };
  return {
    numbers,
    size: both((module) => length(end[module])),
    moved: both((module) => end[module].map((value, i) => value - asFloat32(initial[`${module}/theta`]!.data)[i]!)),
  };
}

const length = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/**
 * Largest relative difference: of losses and norms, of kappa, of what a regulariser tells (differences of tables, of which
 * float32 leaves fewer digits), and of the way that both modules have come.
 */
function difference(a: Taken, b: Taken): { step: number; kappa: number; told: number; moved: number } {
  const worst = { step: 0, kappa: 0, told: 0, moved: 0 };
  const tell = (of: keyof typeof worst, x: number, y: number) => {
    expect(Number.isFinite(x)).toBe(true);
    worst[of] = Math.max(worst[of], Math.abs(x - y) / Math.max(Math.abs(y), 1e-12));
  };
  a.numbers.forEach(({ step, measure, pairs }, i) => {
    const other = b.numbers[i]!;
    for (const name of ['loss', 'crossEntropy', 'normEncoder', 'normBackbone'] as const)
      tell('step', step[name], other.step[name]);
    if (i > 0 && other.step.klEncoder > 0)
      for (const name of ['klEncoder', 'klBackbone'] as const) tell('told', step[name], other.step[name]);
    if (i > 0 && pairs.share !== undefined)
      for (const module of moduleNames) tell('told', pairs.share[module], other.pairs.share![module]);
    tell(
      'kappa',
      kappaOf(measure!.dBackbone, measure!.dEncoder).kappa,
      kappaOf(other.measure!.dBackbone, other.measure!.dEncoder).kappa,
    );
    tell('kappa', measure!.meanProbability, other.measure!.meanProbability);
  });
  for (const module of moduleNames) {
    // A parameter is rounded where it is stored: by half of float32's last digit.
    const stored = 2 ** -24 * a.size[module];
    const by = length(a.moved[module].map((value, i) => value - b.moved[module][i]!));
    tell('moved', length(b.moved[module]) + Math.max(0, by - stored), length(b.moved[module]));
  }
  return worst;
}

type Saving = { checkpointing?: Checkpointing; accumulate?: number };
const saving: Saving = { checkpointing: 'layers', accumulate: 2 };

const recorded = chooseBackend({ name: 'auto' }).name;
describe(`families with all parts trained, on ${recorded}`, () => {
  beforeAll(async () => {
    await useBackend({ name: recorded, threads: 1 });
  });
  it.each(published)('%s', async (name) => {
    const loaded = loadFamily(referenceFolder(name));
    const full = { kind: 'full' } as const;
    const settingOf = ({ checkpointing = 'none', accumulate = 1 }: Saving): Setting => ({
      model: tunedFamilyModel(loaded, [1], { tuning: { tower: full, connector: full, backbone: full }, checkpointing }),
      vocabulary: loaded.family.decoder.vocabulary,
      optimiser: optimiserOf({ kind: 'sgd', momentum: 0, clip: 1 }),
      regulariser: { kind: 'none' },
      accumulate,
    });
    const { shape, batch } = questions(settingOf({}), loaded.family.input.shape);
    const plain = await take(settingOf({}), shape, batch);
    const found = difference(await take(settingOf(saving), shape, batch), plain);
    expect(found.step).toBeLessThan(1e-6);
    expect(found.moved).toBeLessThan(1e-6);
    expect(found.kappa).toBeLessThan(3e-6);
  });
});

/** Random questions of a family's size: 4 rows, of which the last has fewer labels. */
function questions(
  { model, vocabulary }: Setting,
  input: readonly number[],
): { shape: BatchShape; batch: (step: number) => BatchArrays } {
  const width = input.at(-1)!;
  const before = (model as ReturnType<typeof tunedFamilyModel>).decoding.before;
  const shape = {
    batch: 4,
    tokens: 5,
    labels: 2,
    rows: input.reduce((a, b) => a * b, 1) / width,
    width,
    prefixTokens: before - 1,
  };
  return {
    shape,
    batch: (step) => {
      const source = random(5, 'questions', step);
      const arrays = tinyBatch(1, shape);
      return {
        ...arrays,
        features: Float32Array.from(arrays.features, () => source.uniform() - 0.5),
        tokens: Int32Array.from(arrays.tokens, () => 2 + source.integer(Math.min(60, vocabulary - 2))),
        labels: Int32Array.from(arrays.labels, () => 2 + source.integer(Math.min(60, vocabulary - 2))),
      };
    },
  };
}

describe.each(['cpu', recorded] as const)('the small zoo on %s', (backend) => {
  beforeAll(async () => {
    await useBackend({ name: backend, threads: 1 });
  });
  const cases: readonly TinyOptions[] = [
    {},
    { tuning: { kind: 'full' }, connectorSide: 'backbone', encoder: 'scale-shift' },
    { regulariser: { kind: 'commit', lambda: 0.5 } },
    { regulariser: { kind: 'commit', lambda: 0.5, cap: 1e-3 } },
    { regulariser: { kind: 'log-divergence', lambda: 0.05 } },
    { regulariser: { kind: 'share', share: 0.3 } },
  ];
  /** A graph takes seconds to open: there the two ways of saving stand together, and the terms have one case of a kind. */
  const isRecorded = backend === 'tensorflow';
  const both = { checkpointing: 'layers', accumulate: 3 } as const;
  const savings: readonly Saving[] = isRecorded ? [both] : [{ checkpointing: 'layers' }, { accumulate: 3 }, both];
  it.each(isRecorded ? cases.slice(0, 3).concat(cases.at(-1)!) : cases)('%j', async (options) => {
    // Clipped by module: a scale and a shift would hardly move beside a whole backbone, and kappa would be rounding.
    const sgd: TinyOptions = { optimiser: { kind: 'sgd', momentum: 0, clip: 1, clipOver: 'module' }, ...options };
    const plain = await take(tinySetting(sgd), tinyShape, tinyBatch);
    for (const saving of savings) {
      const found = difference(await take(tinySetting({ ...sgd, ...saving }), tinyShape, tinyBatch), plain);
      // A term's own rounding is in loss and gradient: it is made of differences of tables.
      expect(found.step).toBeLessThan(options.regulariser === undefined ? 1e-6 : 3e-6);
      expect(found.moved).toBeLessThan(1e-6);
      expect(found.kappa).toBeLessThan(1e-5);
      expect(found.told).toBeLessThan(3e-5);
    }
  });
});

describe('a whole run, op by op', () => {
  withCache();
  it('is the same to the last byte with layers computed again, its alignment and answers from a cache among it', async () => {
    await useBackend({ name: 'cpu' });
    const records = async (checkpointing: Checkpointing): Promise<JournalRecord[]> => {
      const spec = tinySpec({ checkpointing, duration: { steps: 3 }, evaluate: { every: 0, limit: 4, validation: 1 } });
      const whole = tinyPrepared(spec);
      // Four labels: from so many on answers come from a cache.
      const shape = (batch: number) => ({ ...whole.shape(batch), labels: 4 });
      const prepared = {
        ...whole,
        shape,
        sizes: oneSize(whole.model, shape),
        alignment: { ...whole.alignment, shape },
      };
      expect(answerShape(prepared, 4)).not.toBeNull();
      const all: JournalRecord[] = [];
      for await (const record of trainPrepared(spec, prepared)) all.push(record);
      return all;
    };
    expect(await records('layers')).toEqual(await records('none'));
  });
});

describe('what is predicted', () => {
  it('falls with layers that are computed again and with parts of a batch', () => {
    const config = {
      width: 32,
      hiddenWidth: 64,
      layers: 8,
      heads: 4,
      keyValueHeads: 2,
      vocabulary: 20,
      context: 64,
      normEpsilon: 1e-5,
      ropeBase: 10_000,
      tied: true,
    };
    const shape = { ...tinyShape, batch: 8, tokens: 40 };
    const bytes = (saving: Saving): { recorded: number; flops: number } => {
      const setting = tinySetting({ config, ...saving });
      const { activationBytes, flops } = programCost(
        trainProgram(setting, shape, moduleNames, null),
        shapesOf(setting),
      );
      return { recorded: activationBytes.recorded, flops };
    };
    const [plain, layers, parts] = notEmpty([{}, { checkpointing: 'layers' } as const, { accumulate: 4 }].map(bytes));
    expect(layers!.recorded / plain!.recorded).toBeLessThan(0.4);
    expect(parts!.recorded / plain!.recorded).toBeLessThan(0.4);
    expect(layers!.flops / plain!.flops).toBeGreaterThan(1.3);
    expect(parts!.flops / plain!.flops).toBeCloseTo(1, 2);
  });
});

const shapesOf = (setting: Setting) =>
  Object.fromEntries(Object.entries(initialState(setting, 0)).map(([name, { shape }]) => [name, shape]));
