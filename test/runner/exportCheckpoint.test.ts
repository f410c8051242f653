/**
 * What a run from a published checkpoint trained, for PEFT: names and shapes as published, the connector as whole
 * layers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkpointIdentity } from '../../src/sources/checkpoints';
import type { RunSpec } from '../../src/manifest/run';
import { loadFamily } from '../../src/models/published';
import { familyModel } from '../../src/models/published/family';
import { readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import type { WeightTensor } from '../../src/models/weights/weight';
import { sizeOf } from '../../src/tensor/shape';
import { random } from '../../src/random';
import { exportRun } from '../../src/runner/export/write';
import { runFolder } from '../../src/runner/folders';
import { familyTuning } from '../../src/train/parts';
import { writeCheckpoint } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';
import { expectEvery } from '../../testing/lists';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const { folder: base } = withCache('file', (folder) => ({ EQUIPOISE_CHECKPOINTS: join(folder, 'checkpoints') }));
beforeAll(() => {
  writeCheckpoint(join(base, 'checkpoints', 'my-blip2'), 'blip2');
});

const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;
const tensorsOf = (...path: string[]) => readSafetensors(readFileSync(join(...path)), path.at(-1)!).tensors;

/** A finished run with made-up parameters; its folder, and what it trained by our names. */
function writeRun(
  seed: number,
  backbone: RunSpec['tuning']['backbone'],
): { id: string; trained: Record<string, WeightTensor> } {
  const spec: RunSpec = {
    ...syntheticSpec('colours', 'constant', 'synchronised', seed, 20),
    checkpoint: 'my-blip2',
    encoder: 'my-blip2',
    backbone: 'my-blip2',
    connector: { kind: 'published' },
    tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone },
  };
  const id = writeSyntheticRun(
    join(base, 'results', 'mine'),
    spec,
    { steps: 20, validateEvery: 0 },
    { weights: { 'my-blip2': checkpointIdentity('my-blip2') } },
  );
  const model = familyModel(loadFamily(join(base, 'checkpoints', 'my-blip2')), familyTuning(spec));
  const source = random(seed, 'export');
  const made = (['encoder', 'backbone'] as const).flatMap((module) =>
    model.trainable[module].map(({ name, shape }) => ({
      module,
      name,
      tensor: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => source.normal()) },
    })),
  );
  writeFileSync(
    join(base, 'results', 'mine', id, 'checkpoint.safetensors'),
    writeSafetensors(Object.fromEntries(made.map(({ module, name, tensor }) => [`${module}.${name}`, tensor]))),
  );
  return { id, trained: Object.fromEntries(made.map(({ name, tensor }) => [name, tensor])) };
}
const write = (id: string, out: string) =>
  exportRun(runFolder(join(base, 'results'), 'mine', id), id, 'last', join(base, out));

it('by LoRA: adapters, connector and learned queries under published names, and the checkpoint they belong to', async () => {
  const { id, trained } = writeRun(1, { kind: 'published' });
  expect(await write(id, 'adapter')).toMatchObject({
    id,
    step: 20,
    backbone: 'adapter',
    files: [
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'equipoise.json',
      'trained_parameters.safetensors',
    ],
  });
  const tensors = tensorsOf(base, 'adapter', 'adapter_model.safetensors');
  expect(tensors['base_model.model.language_model.model.decoder.layers.1.self_attn.v_proj.lora_A.weight']).toEqual(
    trained['backbone.layers.1.v.lora_A'],
  );
  expect(tensors['base_model.model.language_projection.weight']!.shape).toEqual([24, 16]);
  expect(json(base, 'adapter', 'adapter_config.json')).toMatchObject({
    peft_type: 'LORA',
    task_type: null,
    r: 16,
    lora_alpha: 32,
  });
  expect(json(base, 'adapter', 'adapter_config.json')['modules_to_save']).toContain('language_projection');
  expect(tensorsOf(base, 'adapter', 'trained_parameters.safetensors')['query_tokens']!.shape).toEqual([1, 3, 16]);
  expect(Object.keys(tensors).length + 1).toBe(Object.keys(trained).length);
  expect(json(base, 'adapter', 'equipoise.json')).toMatchObject({
    run: { id },
    form: 'adapter',
    parameters: true,
    checkpoint: { name: 'my-blip2', identity: checkpointIdentity('my-blip2'), published: null },
  });
});

it('frozen or in full: everything trained in one file, by published name', async () => {
  const frozen = writeRun(2, { kind: 'frozen' }),
    full = writeRun(3, { kind: 'full' });
  expect((await write(frozen.id, 'frozen')).files).toEqual([
    'README.md',
    'equipoise.json',
    'trained_parameters.safetensors',
  ]);
  expectEvery(Object.keys(tensorsOf(base, 'frozen', 'trained_parameters.safetensors')), (name) =>
    /^(query_tokens$|qformer\.|language_projection\.)/.test(name),
  );
  expect((await write(full.id, 'full')).backbone).toBe('whole');
  expect(
    tensorsOf(base, 'full', 'trained_parameters.safetensors')['language_model.model.decoder.layers.0.fc1.weight'],
  ).toEqual(full.trained['backbone.layers.0.up']);
});

it('refuses a checkpoint that changed since', async () => {
  const { id } = writeRun(4, { kind: 'published' });
  writeCheckpoint(join(base, 'checkpoints', 'my-blip2'), 'blip2', 2);
  await expect(write(id, 'changed')).rejects.toThrow(/was trained on other weights than my-blip2 has now/);
});
