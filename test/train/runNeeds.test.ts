/** What is predicted of runs and of published models, against what a training really takes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findSource, sourceState } from '../../src/sources/sources';
import { projectRoot } from '../../src/files';
import { backbones } from '../../src/manifest/names';
import { backboneSource, findBackbone, loadWholeBackbone } from '../../src/models/zoo/backbones';
import { findPublished } from '../../src/models/published/catalogue';
import { availableBackends } from '../../src/tensor/backend';
import { needsOf, type DataSizes } from '../../src/train/runNeeds';
import { fixed, runsOf } from '../../testing/manifestHelp';
import { connectors } from '../../src/models/zoo/connectors';

const sizes: DataSizes = { vocabulary: 1000, tokens: 30, labels: 5, media: 100, items: 200, classes: 0, captions: 10 };
const needs = (more: object) => needsOf(runsOf({ fixed: { ...fixed, ...more } })[0]!, sizes, 'tensorflow');

describe('needs of runs', () => {
  it('parameters by closed form: MLP connector and adapters on a Llama', () => {
    const { trainable, parameters, memory } = needs({
      connector: { kind: 'mlp', tokens: 4, width: 64 },
      tuning: { backbone: { kind: 'lora', rank: 8, alpha: 16, targets: ['q', 'v'] } },
    });
    const encoder = 2 * 2048 + 2048 * 64 + 64 + 64 * 288 + 288 + 1,
      backbone = 6 * 2 * 8 * (288 + 288);
    const layer = 4 * 288 * 288 + 3 * 288 * 768 + 2 * 288,
      frozen = 1000 * 288 + 6 * layer + 288;
    expect(trainable).toEqual({ encoder, backbone });
    expect(parameters).toBe(frozen + encoder);
    expect([memory.weights, memory.optimiser]).toEqual([
      4 * (frozen + encoder + backbone),
      2 * 4 * (encoder + backbone),
    ]);
  });

  it('grow as they must: with the batch, with kappa, with the regulariser', () => {
    const one = needs({ batch: 64 }),
      two = needs({ batch: 128 });
    expect(two.step.flops / one.step.flops).toBeCloseTo(2, 5);
    expect(two.memory.activations).toBeGreaterThan(1.5 * one.memory.activations);
    expect(one.measured.flops).toBeGreaterThan(1.1 * one.step.flops);
    const regularised = needs({ batch: 64, scheduler: 'commit' });
    expect(regularised.step.flops).toBeGreaterThan(1.5 * one.step.flops);
    expect(regularised.memory.optimiser).toBe(1.5 * one.memory.optimiser);
  });

  it('hold what each optimiser remembers: two vectors of Adam, four of Prodigy, three of schedule-free', () => {
    const [adam, ...others] = ['adamw', 'prodigy', 'schedule-free', 'lamb'].map((optimiser) => needs({ optimiser }));
    const trained = adam!.trainable.encoder + adam!.trainable.backbone;
    const numbers = 2 * 2 * 4; // two for each module
    expect(adam!.memory.optimiser).toBe(2 * 4 * trained);
    expect(others.map(({ memory }) => memory.optimiser)).toEqual([
      4 * 4 * trained + numbers,
      3 * 4 * trained + numbers,
      2 * 4 * trained,
    ]);
    expect(others[0]!.memory.total).toBeGreaterThan(adam!.memory.total + 2 * 4 * trained);
  });

  // `published` belongs to a checkpoint: test/train/checkpointRuns.test.ts.
  it.each(
    Object.keys(backbones).flatMap((backbone) =>
      Object.keys(connectors)
        .filter((connector) => connector !== 'published')
        .map((connector) => [backbone, connector]),
    ),
  )('are predicted for %s with %s', (backbone, connector) => {
    const sound = connector === 'window-qformer';
    const { memory, step } = needs({
      backbone,
      connector,
      ...(sound ? { task: 'sound-qa', encoder: 'whisper-tiny' } : {}),
    });
    expect(memory.activations).toBeGreaterThan(1e6);
    expect(step.flops).toBeGreaterThan(1e8);
  });

  it.each(Object.keys(backbones))('%s: the configuration given as a fact is that of its weights', async (name) => {
    if (sourceState(findSource(backboneSource(name))) === 'absent') return; // nothing to compare with on a machine without the weights
    const { config } = await loadWholeBackbone(name);
    const { variant: _variant, ...plain } = config;
    expect(plain).toEqual(findBackbone(name).config);
  });
});

const linked = availableBackends().some(({ name, available }) => name === 'tensorflow' && available);
const folder = mkdtempSync(join(tmpdir(), 'equipoise-needs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!linked)('memory of a real step, in a process of its own', () => {
  const { config } = findPublished('internvl2-1b');
  const cut = (layers: number, tower: number) => ({
    ...config,
    force_image_size: 224,
    // a quarter of its places, so that the test is quick
    vision_config: { ...(config['vision_config'] as object), num_hidden_layers: tower, image_size: 224 },
    llm_config: { ...(config['llm_config'] as object), num_hidden_layers: layers, vocab_size: 20_000 },
  });
  it.each([
    ['small', 0.8e9, 1, 1, 1, []],
    ['larger, its layers computed again', 1.1e9, 4, 2, 2, ['--checkpointing', 'layers']],
    ['larger, in fused kernels and bfloat16', 1e9, 4, 2, 2, ['--kernels', 'fused', '--precision', 'bfloat16']],
  ] as const)(
    '%s: predicted within 20 %',
    (name, least, layers, tower, batch, options) => {
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify(cut(layers, tower)));
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [
          join(projectRoot, 'bin', 'equipoise.cjs'),
          'resources',
          path,
          '--measure',
          '--steps',
          '1',
          '--threads',
          '1',
          '--batch',
          String(batch),
          ...options,
          '--json',
        ],
        { encoding: 'utf8' },
      );
      expect(stdout, stderr).not.toBe('');
      const { measured, models } = JSON.parse(stdout) as {
        measured: { memoryRatio: number };
        models: { needs: { memory: { total: number } } }[];
      };
      expect(models[0]!.needs.memory.total).toBeGreaterThan(least);
      expect(Math.abs(Math.log(measured.memoryRatio))).toBeLessThan(Math.log(1.2));
    },
    240_000,
  );
});
