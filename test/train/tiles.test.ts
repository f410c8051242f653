/**
 * Images in tiles: ids, features, log-probabilities and gradients equal those of transformers' InternVL on pictures of
 * five shapes, whatever else is in the batch; runs, sizes, generation, needs, and what is refused.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DataSet } from '../../src/data/types';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import type { RunSpec } from '../../src/manifest/run';
import { openProcessor } from '../../src/models/published/processors';
import { moduleNames } from '../../src/modules';
import { identifyRuns } from '../../src/runner/identify';
import { useBackend } from '../../src/tensor/backend';
import { openSession } from '../../src/tensor/program';
import { encodeExample, fillBatch } from '../../src/train/batches';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import { predict } from '../../src/train/evaluate';
import { scorePrograms } from '../../src/train/open';
import { continuerOf, generationPrograms, generationState } from '../../src/train/generationPrograms';
import { checkpointParts, openCheckpoint } from '../../src/train/parts';
import { prepare, type Prepared } from '../../src/train/prepare';
import { initialState, scoreProgram, type Setting } from '../../src/train/programs';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared, type TrainOptions, type TrainSummary } from '../../src/train/run';
import { needsOfRuns } from '../../src/train/runNeeds';
import { tileSteps, tiledSizes, type Sizes } from '../../src/train/sizes';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { writeCheckpoint } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';
import { expectEvery, notEmpty } from '../../testing/lists';
import { fileOf, head } from '../../testing/manifestHelp';
import { put } from '../../testing/releases';
import { optimiserOf } from '../../testing/specs';
import { testPicture } from '../../testing/syntheticMedia';
import { tinyScalars } from '../../testing/tinyModel';
import { sharp } from '../../testing/sharp';

const fixture = join(__dirname, '..', 'fixtures', 'tiles');
const tokenizers = join(__dirname, '..', 'fixtures', 'processors', 'internvl');
const expected = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as {
  tiles: number;
  conversations: {
    picture: [number, number];
    question: string;
    answer: string;
    items: number;
    ids: [number, number][];
    asked: number;
    labels: number[];
    first: number[];
  }[];
  loss: number;
  norms: { encoder: number; backbone: number };
  gradients: Record<string, { norm: number; values: number[] }>;
};

const { folder: base } = withCache('file', (folder) => ({
  EQUIPOISE_TASKS: join(folder, 'tasks'),
  EQUIPOISE_CHECKPOINTS: join(folder, 'checkpoints'),
}));

const sizesOfPictures: readonly [number, number][] = [
  [64, 64],
  [10, 10],
  [90, 30],
  [30, 60],
];
const answers = ['red', 'green', 'light blue'];

async function png([width, height]: readonly [number, number], path: string): Promise<string> {
  await sharp(testPicture(width, height).data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
  return path;
}

/** A task on pictures of several shapes. */
async function writeTask(folder: string): Promise<void> {
  mkdirSync(join(folder, 'shapes'), { recursive: true });
  const count = 24;
  put(
    folder,
    'shapes.json',
    JSON.stringify({
      name: 'shapes',
      about: 'shapes',
      modality: 'image',
      format: 'jsonl',
      questions: [{ file: 'shapes.jsonl' }],
      media: ['shapes'],
      license: 'CC0-1.0',
      citeAs: 'Made here.',
    }),
  );
  put(
    folder,
    'shapes.jsonl',
    Array.from({ length: count }, (_, i) =>
      JSON.stringify({
        image: `shape-${i}.png`,
        question: 'Which one?',
        answers: [answers[i % 3]],
        choices: answers,
        split: i < 14 ? 'train' : i < 18 ? 'validation' : 'evaluation',
      }),
    ).join('\n'),
  );
  for (let i = 0; i < count; i++) await png(sizesOfPictures[(i * 7) % 4]!, join(folder, 'shapes', `shape-${i}.png`));
}

beforeAll(async () => {
  await writeTask(join(base, 'tasks'));
  writeCheckpoint(join(base, 'checkpoints', 'tiny'), 'internvl');
  writeCheckpoint(join(base, 'checkpoints', 'tiny-chat'), 'internvl2-chat');
  writeCheckpoint(join(base, 'checkpoints', 'tiny-llava'), 'llava-1.5');
  const folder = join(base, 'checkpoints', 'transformers');
  mkdirSync(folder);
  for (const name of ['config.json', 'preprocessor_config.json', 'model.safetensors'])
    copyFileSync(join(fixture, name), join(folder, name));
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(tokenizers, name), join(folder, name));
  await useBackend({ name: 'wasm' });
});

/** The only run of a manifest. */
function specOf(fixed: object, more: object = {}): RunSpec & { checkpoint: string } {
  const [spec] = expand(
    loadManifest(
      fileOf({
        ...head,
        fixed: { task: 'shapes', seed: 1, batch: 4, learningRate: 0.01, ...fixed },
        steps: 4,
        measure: { every: 2 },
        evaluate: { every: 2, validation: 3 },
        ...more,
      }),
    ),
  );
  return spec as RunSpec & { checkpoint: string };
}

const unrolled = (runs: [number, number][]) => runs.flatMap(([value, count]) => Array<number>(count).fill(value));
const furthest = (wanted: readonly number[], got: ArrayLike<number>): number =>
  Math.max(...notEmpty(wanted).map((value, i) => Math.abs(value - got[i]!)));
const settingOf = (model: Prepared['model'], vocabulary: number): Setting => ({
  model,
  vocabulary,
  optimiser: optimiserOf({ kind: 'sgd', momentum: 0, clip: 0 }),
  regulariser: { kind: 'none' },
});

describe('the pictures of transformers', () => {
  const { conversations } = expected;
  const full = { kind: 'full' };
  const inFull = { 'tuning.connector': full, 'tuning.backbone': full };

  /** The conversations as a run with this tuning of its tower sees them. */
  async function seen(tower: 'frozen' | 'full') {
    const spec = specOf({ checkpoint: 'transformers', tiles: expected.tiles, 'tuning.tower': tower, ...inFull });
    const open = await openCheckpoint('transformers', { tiles: spec.tiles });
    const files = await Promise.all(
      conversations.map(({ picture }) => png(picture, join(base, `${picture.join('x')}.png`))),
    );
    const parts = checkpointParts(spec, open);
    const set: DataSet = {
      task: 'shapes',
      modality: 'image',
      identity: `five shapes ${tower}`,
      items: [],
      alignment: [],
      classes: [],
      sources: [],
      media: new Map(files.map((file, i) => [`picture ${i}`, file])),
    };
    const table = await parts.inputs(set, {});
    const { tiled } = await parts.open();
    const codec = { ...open.codec, lead: (media: string) => tiled!.lead(table.items(media)) };
    const examples = conversations.map(({ question, answer }, i) =>
      encodeExample(codec, `picture ${i}`, question, answer),
    );
    const lead = Math.max(...conversations.map((_, i) => codec.lead(`picture ${i}`).length));
    const lengths = {
      tokens: Math.max(...examples.map(({ tokens }) => tokens.length)) - lead + 20,
      labels: Math.max(...conversations.map(({ asked }) => asked)),
    };
    const sizes = tiledSizes(tiled!, table, set.media.keys(), lengths);
    return {
      open,
      parts,
      table,
      examples,
      sizes,
      features: table.of.bind(table),
      vocabulary: open.processor.family.decoder.vocabulary,
    };
  }

  it('has the tiles, ids and trained places of its processor, though the file says no tiles', async () => {
    const { examples, table } = await seen('frozen');
    expect(conversations.map(({ items }) => items)).toEqual([5, 1, 4, 3, 7]);
    for (const [i, { ids, asked, items }] of notEmpty(conversations).entries()) {
      expect(table.items(`picture ${i}`)).toBe(items);
      expect(examples[i]!.tokens).toEqual(unrolled(ids));
      expect(examples[i]!.tokens.length - examples[i]!.answerFrom).toBe(asked);
    }
  });

  it.each(['frozen', 'full'] as const)(
    'gives every answer the log-probability that it has alone, tower %s, whatever its batch and size',
    async (tower) => {
      const { examples, sizes, features, vocabulary } = await seen(tower);
      expect(sizes.all.map(({ suffix }) => suffix)).toEqual(['/tiles-1', '/tiles-3', '/tiles-5', '/tiles-7']);
      const groups = [[0, 1, 2, 3, 4], [3, 1], [1], [2, 0], [4]];
      for (const group of groups) {
        const rows = group.map((i) => examples[i]!);
        const { model, shape: of } = sizes.of(rows.map(({ media }) => media));
        const shape = of(group.length + 1);
        const setting = settingOf(model, vocabulary);
        const session = openSession({ score: scoreProgram(setting, shape) }, initialState(setting, 1));
        const { labels, first } = await session.run('score', fillBatch(rows, features, shape));
        session.dispose();
        for (const [row, i] of notEmpty(group).entries()) {
          const wanted = conversations[i]!;
          const table = first!.subarray(row * vocabulary, (row + 1) * vocabulary);
          expect(furthest(wanted.labels, labels!.subarray(row * shape.labels))).toBeLessThan(2e-5);
          expect(furthest(wanted.first, table)).toBeLessThan(2e-5);
        }
      }
    },
  );

  it('has the loss and the gradient of transformers through tower, connector and language model', async () => {
    const { examples, sizes, features, vocabulary, open } = await seen('full');
    const { model, shape: of } = sizes.of(examples.map(({ media }) => media));
    const shape = of(examples.length);
    const setting = settingOf(model, vocabulary);
    const session = openSession({ train: trainProgram(setting, shape, moduleNames, null) }, initialState(setting, 1));
    const before = { encoder: await session.read('encoder/theta'), backbone: await session.read('backbone/theta') };
    const given = packStep({
      batch: fillBatch(examples, features, shape),
      ...tinyScalars(1, { encoder: 1, backbone: 1 }),
    });
    const { step } = unpackStep((await session.run('train', given))['numbers']!);
    expect(Math.abs(step.loss - expected.loss)).toBeLessThan(1e-5);
    expect(step.normEncoder / expected.norms.encoder).toBeCloseTo(1, 4);
    expect(step.normBackbone / expected.norms.backbone).toBeCloseTo(1, 4);
    const after = { encoder: await session.read('encoder/theta'), backbone: await session.read('backbone/theta') };
    session.dispose();
    const names: Record<string, string> = {
      'connector.hidden': 'model.multi_modal_projector.linear_1.weight',
      'backbone.layers.1.v.bias': 'model.language_model.layers.1.self_attn.v_proj.bias',
      'tower.patches.bias': 'model.vision_tower.embeddings.patch_embeddings.projection.bias',
    };
    expect(open.processor.family.kind).toBe('internvl2');
    for (const [ours, theirs] of Object.entries(names)) {
      const module = ours.startsWith('backbone') ? 'backbone' : 'encoder';
      let at = 0;
      for (const { name, shape: sides } of model.trainable[module]) {
        const size = sides.reduce((a, b) => a * b, 1);
        if (name === ours) {
          const gradient = [...before[module].subarray(at, at + size)].map(
            (value, i) => value - after[module][at + i]!,
          );
          const { norm, values } = expected.gradients[theirs]!;
          expect(Math.hypot(...gradient) / norm).toBeCloseTo(1, 3);
          expect(furthest(values, gradient)).toBeLessThan(2e-4 * Math.max(1, norm));
          at = NaN;
          break;
        }
        at += size;
      }
      expect(at).toBeNaN();
    }
  });
});

async function collect(
  spec: RunSpec,
  prepared: Prepared,
  options: TrainOptions = {},
): Promise<{ records: JournalRecord[]; summary: TrainSummary }> {
  const run = trainPrepared(spec, prepared, options);
  const records: JournalRecord[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { records, summary: next.value };
    records.push(next.value);
  }
}

describe('a run on images in tiles', () => {
  it.each([
    ['tiny', {}],
    ['tiny-chat', {}],
    ['tiny', { 'tuning.tower': 'lora' }],
    ['tiny', { 'tuning.tower': 'full', connectorSide: 'backbone', 'measure.on': 'probe', 'measure.probe': 3 }],
  ])(
    'from %s with %j trains, measures, goes on after a stop to the same bytes, and generates',
    async (checkpoint, over) => {
      const spec = specOf({ checkpoint, tiles: 4, scheduler: 'commit', ...over });
      const prepared = await prepare(spec, () => undefined);
      expect(prepared.sizes.all.map(({ suffix }) => suffix)).toEqual(['/tiles-1', '/tiles-3', '/tiles-5']);
      let kept: { checkpoint: RunCheckpoint; before: number } | undefined;
      const records: JournalRecord[] = [];
      const run = trainPrepared(spec, prepared, {
        checkpoints: {
          due: (step) => step === 2,
          save: ({ loop, tensors }) => {
            kept ??= { checkpoint: { loop: structuredClone(loop), tensors }, before: records.length };
          },
        },
      });
      let next = await run.next();
      for (; next.done !== true; next = await run.next()) records.push(next.value);
      const summary = next.value;
      const train = records.flatMap((record) => (record.kind === 'train' ? [record] : []));
      expect(train).toHaveLength(4);
      expectEvery(train, ({ loss, gradientNorm }) => loss > 0 && gradientNorm.encoder > 0 && gradientNorm.backbone > 0);
      expect(records.flatMap((record) => (record.kind === 'measure' ? [record.step] : []))).toEqual([2, 4]);
      expect(summary.final.choice.total).toBe(6);
      expect(summary.notices.join()).toContain('images are cut into up to 4 tiles and a thumbnail: checkpoint');

      const resumed = await collect(spec, await prepare(spec, () => undefined), { from: kept!.checkpoint });
      expect(resumed.records.map((record) => JSON.stringify(record))).toEqual(
        records.slice(kept!.before).map((record) => JSON.stringify(record)),
      );
      expect(Buffer.compare(resumed.summary.checkpoint, summary.checkpoint)).toBe(0);
      expect(resumed.summary.predictions).toBe(summary.predictions);
    },
  );

  it('generates the same with a cache as by scoring passes of each size', async () => {
    const spec = specOf({ checkpoint: 'tiny', tiles: 4 });
    const prepared = await prepare(spec, () => undefined);
    const { model, codec, sizes, items, features } = prepared;
    const setting = settingOf(model, codec.vocabulary.ids.length);
    const shape = prepared.shape(sizes.evaluationRows);
    const places = {
      prompts: sizes.evaluationRows,
      beams: 1,
      promptTokens: Math.max(
        ...items.evaluation.map(({ media, prompt }) => codec.lead!(media).length + codec.prompt(prompt).length),
      ),
      newTokens: shape.labels,
      rows: shape.rows,
      width: shape.width,
    };
    const session = openSession(
      { ...scorePrograms(setting, 'score', sizes), ...generationPrograms(model, places) },
      { ...initialState(setting, 2), ...generationState(model, places) },
    );
    const generated = async (more: object) =>
      (await predict(session, items.evaluation, codec, features, shape, { generate: true, sizes, ...more })).map(
        ({ generated: text }) => text,
      );
    const cached = await generated({ continuer: continuerOf(session, model, places) });
    expect(cached).toEqual(await generated({}));
    session.dispose();
  });

  it('is another run than one that sees images whole, and one tile is no other run than none said', () => {
    const identity = (over: object) => identifyRuns([specOf({ checkpoint: 'tiny', ...over })], 'wasm')[0]!.identity;
    expect(identity({ tiles: 1 })).toBe(identity({}));
    expect(new Set([identity({}), identity({ tiles: 2 }), identity({ tiles: 12 })]).size).toBe(3);
  });

  it('says that images are seen whole, as one tile, wherever they are', async () => {
    const notices = async (checkpoint: string, tiles: number) =>
      checkpointParts(specOf({ checkpoint, tiles }), await openCheckpoint(checkpoint, { tiles })).notices;
    for (const checkpoint of ['tiny', 'tiny-chat', 'transformers'])
      expect(await notices(checkpoint, 1)).toEqual([
        expect.stringMatching(
          /^images are seen whole, as one tile: checkpoint .* up to 12 tiles; "tiles" of a manifest/,
        ),
      ]);
    expect(await notices('tiny', 12)).toEqual([]);
    const folder = join(base, 'checkpoints', 'tiny-whole');
    cpSync(join(base, 'checkpoints', 'tiny-chat'), folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object;
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, dynamic_image_size: false }));
    expect(await notices('tiny-whole', 1)).toEqual([
      'images are seen whole, as one tile, as checkpoint tiny-whole states it; its family cuts them into tiles',
    ]);
    await expect(notices('tiny-whole', 4)).rejects.toThrow(/tiles: 4; expected nothing: this checkpoint does not tile/);
    expect(await notices('tiny-llava', 1)).toEqual([]);
  });

  it('is predicted to need what its fullest rows need', async () => {
    const needs = needsOfRuns('wasm');
    const of = (tiles: number) => needs(specOf({ checkpoint: 'tiny', tiles }));
    const [one, four, twelve] = [await of(1), await of(4), await of(12)];
    expect(one.parameters).toBe(twelve.parameters);
    expect(four.step.flops).toBeGreaterThan(1.5 * one.step.flops);
    expect(twelve.step.flops).toBeGreaterThan(1.5 * four.step.flops);
    expect(twelve.memory.activations).toBeGreaterThan(four.memory.activations);
  });

  it.each([
    [
      'without a checkpoint',
      { encoder: 'resnet50', backbone: 'stories15m', tiles: 2 },
      /tiles: encoder resnet50 sees an image whole/,
    ],
    [
      'from LLaVA',
      { checkpoint: 'tiny-llava', tiles: 2 },
      /tiles: checkpoint tiny-llava sees an image whole.*expected 1, or/,
    ],
    ['in no tile', { checkpoint: 'tiny', tiles: 0 }, /tiles: 0/],
    ['in thirteen', { checkpoint: 'tiny', tiles: 13 }, /tiles: 13/],
  ])('is refused %s', (_name, fixed, message) => {
    expect(() => specOf(fixed)).toThrow(message);
  });

  it('is refused where its fullest row does not fit the context', async () => {
    const folder = join(base, 'checkpoints', 'tiny-short');
    cpSync(join(base, 'checkpoints', 'tiny'), folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { text_config: object };
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...config, text_config: { ...config.text_config, max_position_embeddings: 40 } }),
    );
    await expect(prepare(specOf({ checkpoint: 'tiny-short', tiles: 4 }), () => undefined)).rejects.toThrow(
      /its longest question takes \d+ tokens.*expected at most 40.*its images are cut into up to 4 tiles: ask for fewer/,
    );
  });
});

describe('sizes', () => {
  it('are a few for all numbers of tiles', () => {
    expect(tileSteps(1)).toEqual([1]);
    expect(tileSteps(4)).toEqual([1, 3, 4]);
    expect(tileSteps(13)).toEqual([1, 3, 5, 7, 10, 13]);
  });

  it('of a batch has room for its fullest row', () => {
    const model = {} as Prepared['model'];
    const sizes: Sizes = tiledSizes(
      { model: () => model, lead: (items) => Array<number>(items * 2).fill(9) },
      { rows: 5, width: 3, items: (media) => Number(media) },
      ['1', '2', '6', '9'],
      { tokens: 7, labels: 2 },
    );
    const tilesOf = (...media: string[]) => sizes.of(media).shape(2).rows / 5;
    expect([tilesOf('1'), tilesOf('1', '2'), tilesOf('6'), tilesOf('2', '9'), tilesOf()]).toEqual([1, 3, 7, 9, 1]);
    expect(sizes.of(['2']).shape(2)).toEqual({
      batch: 2,
      tokens: 13,
      labels: 2,
      rows: 15,
      width: 3,
      prefixTokens: -1,
      padding: -1,
    });
    expect(sizes.evaluationRows).toBe(3);
  });
});

it('a processor cuts what InternVL of transformers cuts, whatever preprocessor_config.json says', async () => {
  const processor = openProcessor(join(base, 'checkpoints', 'transformers'));
  const file = await png([60, 20], join(base, 'wide.png'));
  expect((await processor.read(file)).items).toHaveLength(4);
  expect([processor.tiles, processor.mostItems]).toEqual([12, 13]);
});
