/**
 * Runs from published checkpoints: what they compute equals the whole family on its processor's own encoding;
 * manifests, resume, generation, identity, and what is refused.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkpointIdentity } from '../../src/sources/checkpoints';
import { fileObjects } from '../../src/sources/dataManifest';
import { findSource } from '../../src/sources/sources';
import { projectRoot } from '../../src/files';
import { checkpointModality, checkpoints } from '../../src/sources/checkpointNames';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import type { RunSpec } from '../../src/manifest/run';
import { loadFamily } from '../../src/models/published';
import { familyModel } from '../../src/models/published/family';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { random } from '../../src/random';
import { identifyRuns } from '../../src/runner/identify';
import { useBackend } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { openSession, type StateValue } from '../../src/tensor/program';
import { encodeExample, fillBatch } from '../../src/train/batches';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import { predict } from '../../src/train/evaluate';
import { familyLogitsProgram, familyShape } from '../../src/train/familyPrograms';
import { continuerOf, generationPrograms, generationState } from '../../src/train/generationPrograms';
import { checkpointParts, familyTuning, openCheckpoint } from '../../src/train/parts';
import { readPredictions } from '../../src/train/predictions';
import { prepare, type Prepared } from '../../src/train/prepare';
import { initialState, scoreProgram, type Setting } from '../../src/train/programs';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared, type TrainOptions, type TrainSummary } from '../../src/train/run';
import { checkpointKinds, taskFor, writeCheckpoint, writeTasks } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';
import { expectEvery, notEmpty } from '../../testing/lists';
import { fileOf, head } from '../../testing/manifestHelp';
import { optimiserOf } from '../../testing/specs';

const { folder: base } = withCache('file', (folder) => ({
  EQUIPOISE_TASKS: join(folder, 'tasks'),
  EQUIPOISE_CHECKPOINTS: join(folder, 'checkpoints'),
}));
beforeAll(async () => {
  await writeTasks(join(base, 'tasks'));
  for (const kind of checkpointKinds) writeCheckpoint(join(base, 'checkpoints', `my-${kind}`), kind);
  await useBackend({ name: 'wasm' });
});

/** The only run of a manifest. */
function specOf(fixed: object): RunSpec {
  const [spec] = expand(
    loadManifest(
      fileOf({
        ...head,
        fixed: { seed: 1, batch: 4, learningRate: 0.01, ...fixed },
        steps: 4,
        measure: { every: 2 },
        evaluate: { every: 2, validation: 3 },
      }),
    ),
  );
  return spec!;
}
const ofKind = (kind: string, over: object = {}): RunSpec =>
  specOf({ task: taskFor(kind), checkpoint: `my-${kind}`, ...over });

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

/** Adapters away from zero, so that they count. */
const stirred = (state: Record<string, StateValue>): Record<string, StateValue> =>
  Object.fromEntries(
    Object.entries(state).map(([name, { shape, data }]) => {
      const { normal } = random(9, name);
      return [
        name,
        { shape, data: name.endsWith('/theta') ? asFloat32(data).map((value) => value + 0.05 * normal()) : data },
      ];
    }),
  );

const settingOf = (model: Prepared['model'], vocabulary: number): Setting => ({
  model,
  vocabulary,
  optimiser: optimiserOf({ kind: 'adamw' }),
  regulariser: { kind: 'none' },
});

describe.each(checkpointKinds)('%s', (kind) => {
  it('sees the conversation that its processor encodes, and gives every token the probability that the whole family gives it', async () => {
    const spec = ofKind(kind) as RunSpec & { checkpoint: string };
    const open = await openCheckpoint(spec.checkpoint);
    const { family } = open.processor;
    const file = join(base, 'tasks', spec.task, spec.task === 'tones' ? 'tones-5.wav' : 'colours-5.png');
    const encoded = await open.processor.encode({ turns: [{ question: 'Which one?', answer: 'light blue' }] }, [file]);
    const example = encodeExample(open.codec, 'it', 'Question: Which one? Answer:', 'light blue');
    const last = encoded.labels.findLastIndex((label) => label >= 0);
    expect([
      ...open.head,
      ...Array.from({ length: family.featureTokens }, () => family.placeholder),
      ...example.tokens,
    ]).toEqual([...encoded.inputIds.subarray(0, last + 1)]);

    const parts = checkpointParts(spec, open);
    const set = {
      task: spec.task,
      modality: spec.task === 'tones' ? ('audio' as const) : ('image' as const),
      identity: `${kind} alone`,
      items: [],
      alignment: [],
      classes: [],
      sources: [],
      media: new Map([['it', file]]),
    };
    const table = await parts.inputs(set, {});
    expect([table.rows, table.width]).toEqual([family.towerFeatures.rows, family.towerFeatures.width]);
    const { model } = await parts.open();
    const labels = example.tokens.length - example.answerFrom;
    const shape = {
      batch: 1,
      tokens: example.tokens.length + 3,
      labels: labels + 1,
      rows: table.rows,
      width: table.width,
      prefixTokens: model.decoding.before - 1,
    };
    const setting = settingOf(model, family.decoder.vocabulary);
    const session = openSession({ score: scoreProgram(setting, shape) }, stirred(initialState(setting, 3)));
    const scored = (await session.run('score', fillBatch([example], table.of.bind(table), shape)))['labels']!;
    session.dispose();

    const whole = familyModel(
      { ...loadFamily(join(base, 'checkpoints', spec.checkpoint)), family },
      familyTuning(spec),
    );
    expect(whole.trainable).toEqual(model.trainable);
    const wholeShape = familyShape(whole, { batch: 1, tokens: encoded.inputIds.length, labels });
    const wholeSession = openSession(
      { asked: familyLogitsProgram(whole, wholeShape) },
      stirred(initialState({ ...setting, model: whole }, 3)),
    );
    const places = Int32Array.from({ length: labels }, (_, i) => last - labels + i);
    const logits = (
      await wholeSession.run('asked', { features: encoded.input.data, tokens: encoded.inputIds, positions: places })
    )['logits']!;
    wholeSession.dispose();
    const width = family.decoder.vocabulary;
    for (let i = 0; i < labels; i++) {
      const row = logits.subarray(i * width, (i + 1) * width);
      const expected =
        row[example.tokens[example.answerFrom + i]!]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
      expect(Math.abs(scored[i]! - expected)).toBeLessThan(1e-5);
    }
  });

  it('trains from a manifest, goes on from a checkpoint to the same bytes, and generates the same with and without a cache', async () => {
    const spec = ofKind(kind, { scheduler: 'commit' });
    expect(spec).toMatchObject({
      encoder: `my-${kind}`,
      backbone: `my-${kind}`,
      connector: { kind: 'published' },
      tuning: { backbone: { kind: 'published' } },
      align: { steps: 0 },
    });
    const prepared = await prepare(spec, () => undefined);
    const kept: { checkpoint: RunCheckpoint; before: number }[] = [];
    const records: JournalRecord[] = [];
    const run = trainPrepared(spec, prepared, {
      checkpoints: {
        due: (step) => step === 2,
        save: ({ loop, tensors }) =>
          kept.push({ checkpoint: { loop: structuredClone(loop), tensors }, before: records.length }),
      },
    });
    let next = await run.next();
    for (; next.done !== true; next = await run.next()) records.push(next.value);
    const summary = next.value;
    const train = records.flatMap((record) => (record.kind === 'train' ? [record] : []));
    expect(train).toHaveLength(4);
    expectEvery(train, ({ gradientNorm }) => gradientNorm.encoder > 0 && gradientNorm.backbone > 0);
    expect(records.flatMap((record) => (record.kind === 'measure' ? [record.step] : []))).toEqual([2, 4]);
    expect(summary.final.choice.total).toBe(6);

    const { checkpoint, before: at } = kept[0]!;
    const resumed = await collect(spec, await prepare(spec, () => undefined), { from: checkpoint });
    expect(resumed.records.map((record) => JSON.stringify(record))).toEqual(
      records.slice(at).map((record) => JSON.stringify(record)),
    );
    expect(Buffer.compare(resumed.summary.checkpoint, summary.checkpoint)).toBe(0);
    expect(resumed.summary.predictions).toBe(summary.predictions);

    const { tensors } = readSafetensors(summary.checkpoint, 'checkpoint');
    expect(
      Object.keys(tensors).filter((name) => !/^encoder\.connector\.|^backbone\.backbone\..*\.lora_[AB]$/.test(name)),
    ).toEqual([]);
    expect(Object.keys(tensors).some((name) => name.startsWith('encoder.connector.'))).toBe(true);

    const { model, codec, items, features } = prepared;
    const setting = settingOf(model, codec.vocabulary.ids.length);
    const shape = prepared.shape(4);
    const places = {
      prompts: 4,
      beams: 1,
      promptTokens: codec.prompt(items.evaluation[0]!.prompt).length,
      newTokens: shape.labels,
      rows: shape.rows,
      width: shape.width,
    };
    const session = openSession(
      { score: scoreProgram(setting, shape), ...generationPrograms(model, places) },
      { ...stirred(initialState(setting, 2)), ...generationState(model, places) },
    );
    const generated = async (more: object) =>
      (await predict(session, items.evaluation, codec, features, shape, { generate: true, ...more })).map(
        (prediction) => prediction.generated,
      );
    const cached = await generated({ continuer: continuerOf(session, model, places) });
    expect(cached).toEqual(await generated({}));
    expectEvery(cached, (text) => text !== null && text.length > 0);
    session.dispose();
  });
});

describe('a run from a checkpoint', () => {
  it('learns', async () => {
    const spec: RunSpec = {
      ...ofKind('blip2', { 'tuning.backbone': 'full' }),
      duration: { steps: 45 },
      evaluate: { every: 0, limit: 0, validation: 64 },
    };
    const { summary } = await collect(spec, await prepare(spec, () => undefined));
    expect(summary.final.choice.accuracy).toBe(1); // chance .33
    expect(summary.final.generation!.accuracy).toBe(1); // among all texts
    expect(readPredictions(summary.predictions, 'predictions').map(({ generated }) => generated)).toContain(
      'light blue',
    );
  });

  it('trains through the command, with predicted needs beside the plan', () => {
    const manifest = join(base, 'manifest.json');
    writeFileSync(
      manifest,
      JSON.stringify({
        ...head,
        fixed: {
          task: 'colours',
          checkpoint: 'my-blip2',
          seed: 1,
          batch: 4,
          'tuning.backbone': { kind: 'lora', rank: 2, alpha: 4, targets: ['q', 'v'] },
        },
        steps: 3,
        evaluate: { every: 0, limit: 0, validation: 64 },
      }),
    );
    const equipoise = (...args: string[]) =>
      spawnSync(process.execPath, [join(projectRoot, 'bin', 'equipoise.cjs'), ...args, '--backend', 'wasm'], {
        env: { ...process.env, EQUIPOISE_RESULTS: join(base, 'results') },
        encoding: 'utf8',
      });
    const plan = equipoise('plan', manifest, '--resources');
    expect(plan.stderr).not.toContain('needs are not predicted');
    expect(plan.stdout).toMatch(/colours my-blip2 +\S* ?M/);
    const run = equipoise('run', manifest, '--workers', '1');
    expect([run.status, run.stdout]).toEqual([0, `${head.name}: 1 trained now; in all 1 of 1 done\n`]);
  });

  it('may name what a data manifest fetches whole', () => {
    for (const name of Object.keys(checkpoints)) {
      const files = fileObjects(findSource(name)).map((file) => file['@id']);
      expect(files).toEqual(expect.arrayContaining(['config.json', 'tokenizer.json', 'preprocessor_config.json']));
      expect(files.some((file) => file.endsWith('.safetensors'))).toBe(true);
    }
    for (const kind of notEmpty(checkpointKinds))
      expect(checkpointModality(`my-${kind}`)).toBe(kind === 'salmonn' ? 'audio' : 'image');
  });

  it('has an identity of what its files hold, wherever they lie', () => {
    const identityOf = () => identifyRuns([ofKind('blip2')], 'wasm')[0]!;
    const first = identityOf();
    expect(first.weights).toEqual({ 'my-blip2': checkpointIdentity('my-blip2') });
    expect(first.description).toBe('colours my-blip2 constant seed 1 rates 0.01/0.01 4 steps batch=4');
    const moved = join(base, 'moved');
    mkdirSync(moved);
    cpSync(join(base, 'checkpoints', 'my-blip2'), join(moved, 'my-blip2'), { recursive: true });
    process.env['EQUIPOISE_CHECKPOINTS'] = moved;
    try {
      expect(identityOf().identity).toBe(first.identity);
      const weights = join(moved, 'my-blip2', 'model.safetensors');
      const bytes = readFileSync(weights);
      utimesSync(weights, 1, 1);
      expect(identityOf().identity).toBe(first.identity);
      bytes[bytes.length - 3]! ^= 1;
      writeFileSync(weights, bytes);
      utimesSync(weights, 1, 1); // as large and as old as before
      const changed = identityOf().identity;
      writeFileSync(join(moved, 'my-blip2', 'tokenizer_config.json'), '{}');
      expect(new Set([first.identity, changed, identityOf().identity]).size).toBe(3);
    } finally {
      process.env['EQUIPOISE_CHECKPOINTS'] = join(base, 'checkpoints');
    }
  });

  it.each([
    [
      'an unknown name',
      { task: 'colours', checkpoint: 'my-lava-1.5' },
      /\/fixed\/checkpoint: there is no checkpoint "my-lava-1.5"; expected blip2-opt-2-7b, llava-1-5-7b, my-blip2.*or a folder of this name with config.json in .*did you mean "my-llava-1.5"/,
    ],
    [
      'a name that leads elsewhere',
      { task: 'colours', checkpoint: '../checkpoints/my-blip2' },
      /checkpoint: "..\/checkpoints\/my-blip2" cannot be used/,
    ],
    [
      'a name that other weights have',
      { task: 'colours', checkpoint: 'stories15m' },
      /the name stories15m belongs to data that come with Equipoise/,
    ],
    [
      'another modality',
      { task: 'tones', checkpoint: 'my-blip2' },
      /task tones is about audio, checkpoint my-blip2 reads image; expected a checkpoint or an encoder for audio/,
    ],
    [
      'an encoder beside it',
      { task: 'colours', checkpoint: 'my-blip2', encoder: 'resnet50' },
      /\/fixed\/encoder: checkpoint my-blip2 brings its own encoder, and encoder resnet50 is given, too/,
    ],
    [
      'a connector beside it',
      { task: 'colours', checkpoint: 'my-blip2', connector: 'mlp' },
      /\/fixed\/connector: checkpoint my-blip2 brings its own connector, and mlp is given, too/,
    ],
    [
      'its connector without it',
      { task: 'colours', encoder: 'resnet50', backbone: 'stories15m', connector: 'published' },
      /connector: "published" without a checkpoint/,
    ],
    [
      'its tuning without it',
      { task: 'colours', encoder: 'resnet50', backbone: 'stories15m', 'tuning.backbone': 'published' },
      /tuning.backbone: "published" without a checkpoint/,
    ],
    [
      'its connector in the backbone',
      { task: 'colours', checkpoint: 'my-blip2', connectorSide: 'backbone' },
      /leaves the encoder my-blip2 without trained parameters, because its tower is not trained/,
    ],
    [
      'something trained behind its tower',
      { task: 'colours', checkpoint: 'my-blip2', connectorSide: 'backbone', 'tuning.encoder': 'scale-shift' },
      /tuning.encoder: the tower of a published checkpoint has no scale and shift behind it; expected frozen, lora or full/,
    ],
  ])('is refused with %s', (_name, fixed, message) => {
    expect(() => specOf(fixed)).toThrow(message);
  });

  it('names every file that is missing, a layer that is not there, and a source that was never fetched', async () => {
    const folder = join(base, 'checkpoints', 'bare');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), readFileSync(join(base, 'checkpoints', 'my-blip2', 'config.json')));
    const bare = specOf({ task: 'colours', checkpoint: 'bare' });
    expect(() => identifyRuns([bare], 'wasm')).toThrow(
      /bare: holds no tokenizer.json;[^]*holds no preprocessor_config.json or processor_config.json;[^]*holds no model.safetensors or model.safetensors.index.json/,
    );
    await expect(
      prepare(ofKind('blip2', { 'tuning.backbone': { kind: 'lora', rank: 2, alpha: 4 } }), () => undefined),
    ).rejects.toThrow(/tuning.backbone.targets: no weight is called "gate"; expected .*q/);
    expect(() => identifyRuns([specOf({ task: 'colours', checkpoint: 'llava-1-5-7b' })], 'wasm')).toThrow(
      /llava-1-5-7b.*was never fetched here.*equipoise data fetch llava-1-5-7b/,
    );
    renameSync(folder, join(base, 'bare'));
    await expect(prepare(bare, () => undefined)).rejects.toThrow(/there is no checkpoint "bare"/);
  });
});
