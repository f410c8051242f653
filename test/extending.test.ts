/**
 * What docs/extending.md promises: names that manifests use are known in their rooms, and its scheduler does what it
 * says.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { labelRuns, orderMethods } from '../analysis/labels';
import {
  buildScheduler,
  registerScheduler,
  schedulerFacts,
  windowOf,
  type SchedulerPart,
} from '../src/balance/schedulers';
import * as schedulerModule from '../src/balance/schedulers/scheduler';
import { releasedTaskNames } from '../src/data/readers/recipe';
import { setSources, setTasks } from '../src/data';
import { findSource } from '../src/sources/sources';
import { projectRoot } from '../src/files';
import { runIdentity } from '../src/manifest/identity';
import { tasks } from '../src/manifest/names';
import { backboneRegistry, loadTokenizer } from '../src/models/zoo/backbones';
import { encoderRegistry, registerEncoder, towerSources, type EncoderTower } from '../src/models/zoo/encoders';
import * as mediaModule from '../src/models/zoo/encoders/media';
import * as towerModule from '../src/models/zoo/encoders/tower';
import * as partModule from '../src/models/parts/part';
import * as resnetModule from '../src/models/parts/resnet';
import {
  buildConnector,
  registerConnector,
  type ConnectorPart,
  type ConnectorSpec,
} from '../src/models/zoo/connectors';
import * as connectorModule from '../src/models/zoo/connectors/connector';
import * as optionsModule from '../src/parts/options';
import { identifyRuns } from '../src/runner/identify';
import { useBackend } from '../src/tensor/backend';
import * as tfModule from '../src/tensor/tf';
import { notEmpty } from '../testing/lists';
import { fixed, runsOf } from '../testing/manifestHelp';
import { sharp } from '../testing/sharp';

const made = mkdtempSync(join(tmpdir(), 'equipoise-extending-'));
afterAll(() => rmSync(made, { recursive: true, force: true }));

const context = { data: '', weights: {}, methodVersion: '', backend: '' };

describe('a name in a manifest', () => {
  it('is an encoder with weights that a data manifest describes', () => {
    for (const tower of notEmpty(Object.values(encoderRegistry)))
      for (const source of towerSources(tower))
        expect([tower.name, findSource(source).name]).toEqual([tower.name, source]);
  });

  it('is a backbone with weights that a data manifest describes', async () => {
    for (const { source } of notEmpty(Object.values(backboneRegistry))) expect(findSource(source).name).toBe(source);
    await expect(loadTokenizer('none')).rejects.toThrow(/stories15m, minimind2-small/);
  });

  it('is a task whose set is generated from sources that data manifests describe, or released', () => {
    expect(setTasks.filter((name) => !Object.hasOwn(tasks, name))).toEqual([]);
    expect(
      Object.keys(tasks).filter((name) => !setTasks.includes(name) && !releasedTaskNames().includes(name)),
    ).toEqual([]);
    for (const task of notEmpty(setTasks))
      for (const source of notEmpty(setSources(task))) expect(() => findSource(source)).not.toThrow();
  });
});

/** An example of docs/extending.md as the compiler makes it, and how many lines it has. */
function exampleOf<Made>(file: string, modules: Record<string, unknown>): { made: Partial<Made>; lines: number } {
  const page = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
  const source = page.split(`<!-- example: ${file} -->\n\`\`\`ts\n`)[1]!.split('```')[0]!;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const made: Partial<Made> = {};
  new Function('exports', 'require', '__filename', outputText)(made, (name: string) => modules[name], __filename);
  return { made, lines: source.trimEnd().split('\n').length };
}

const { made: ofSchedulers, lines: schedulerLines } = exampleOf<{ brake: SchedulerPart }>('brake.ts', {
  './scheduler': schedulerModule,
  '../../parts/options': optionsModule,
});
const brake = ofSchedulers.brake!;

describe('the connector and the tower of docs/extending.md', () => {
  const connector = exampleOf<{ meanTokens: ConnectorPart }>('meanTokens.ts', {
    '../../../tensor/tf': tfModule,
    '../../parts/part': partModule,
    './connector': connectorModule,
  });
  const tower = exampleOf<{ colourGrid: EncoderTower }>('colourGrid.ts', {
    '../../../tensor/tf': tfModule,
    '../../parts/resnet': resnetModule,
    './media': mediaModule,
    './tower': towerModule,
  });

  it('are registered before manifests are read, as the scheduler is, with names and options that fit', () => {
    expect(() => registerScheduler('constant', brake)).toThrow(/taken/);
    expect(() => registerScheduler('Brake!', brake)).toThrow(/small letters/);
    const other = { ...brake, options: { rule: optionsModule.number('a number elsewhere a word', 0, 1, 0) } };
    expect(() => registerScheduler('other', other)).toThrow(/its option rule is of type number, elsewhere string/);
    registerScheduler('brake', brake);
    expect(() => registerConnector('mlp', connector.made.meanTokens!)).toThrow(/taken/);
    expect(() => registerEncoder({ ...tower.made.colourGrid!, name: 'resnet50' })).toThrow(/taken/);
    registerConnector('mean-tokens', connector.made.meanTokens!);
    registerEncoder(tower.made.colourGrid!);
  });

  it('are one file of at most 60 lines each, and on their lists are known to manifests and models', async () => {
    expect(connector.lines).toBeLessThanOrEqual(60);
    expect(tower.lines).toBeLessThanOrEqual(60);
    const spec = { kind: 'mean-tokens', tokens: 2 } as unknown as ConnectorSpec;
    await useBackend({ name: 'cpu' });
    const built = buildConnector(spec, { rows: 4, features: 3, width: 5, embeddingScale: 2 });
    const open = await tower.made.colourGrid!.open(4);
    const file = join(made, 'quarters.png');
    // Two colours side by side: the rows are the left and the right half, twice.
    const pixels = Buffer.from(
      Array.from({ length: 128 * 128 }, (_, i) => (i % 128 < 64 ? [255, 0, 51] : [0, 102, 0])).flat(),
    );
    await sharp(pixels, { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toFile(file);
    const [features] = await open.extract([file]);
    const expected = [1, 0, 0.2, 0, 0.4, 0, 1, 0, 0.2, 0, 0.4, 0];
    expect([...features!].map((value) => Number(value.toFixed(6)))).toEqual(expected);

    // Weights of 1 in the first row and 0 elsewhere: each token is the sum of the mean colour at one place, of size 2
    // after all.
    const tensors = Object.fromEntries(
      built.parameters.map(({ name, shape }) => [
        name,
        name === 'output'
          ? tfModule.tf.ones(shape)
          : name === 'gain'
            ? tfModule.tf.tensor([2])
            : tfModule.tf.zeros(shape),
      ]),
    );
    const prefix = built.apply({ tensors }, tfModule.tf.tensor(features!, [1, 4, 3]));
    expect(prefix.shape).toEqual([1, 2, 5]);
    for (const value of await prefix.data()) expect(value).toBeCloseTo(2, 4);
  });

  it('once they are on the lists, are chosen, filled in and told apart', () => {
    const runs = runsOf({
      fixed: { task: 'emoji-icon-qa', backbone: 'stories15m', seed: 1 },
      axes: { encoder: ['colour-grid', 'resnet50'], connector: ['mean-tokens', { kind: 'mean-tokens', tokens: 3 }] },
    });
    expect(runs.map(({ encoder, connector: { kind, ...rest } }) => [encoder, kind, rest])).toEqual([
      ['colour-grid', 'mean-tokens', { tokens: 2 }],
      ['colour-grid', 'mean-tokens', { tokens: 3 }],
      ['resnet50', 'mean-tokens', { tokens: 2 }],
      ['resnet50', 'mean-tokens', { tokens: 3 }],
    ]);
    expect(new Set(runs.map((run) => runIdentity(run, context).id)).size).toBe(4);
    expect(() => runsOf({ fixed: { ...fixed, task: 'sound-qa', encoder: 'colour-grid' } })).toThrow(
      /encoder colour-grid reads image/,
    );
    expect(identifyRuns(runs, 'wasm').map(({ weights }) => Object.keys(weights))).toEqual([
      ['stories15m'],
      ['stories15m'],
      ['resnet50-imagenet', 'stories15m'],
      ['resnet50-imagenet', 'stories15m'],
    ]);
  });
});

describe('the scheduler of docs/extending.md', () => {
  it('is one file of at most 60 lines', () => {
    expect(schedulerLines).toBeLessThanOrEqual(60);
    for (const file of readdirSync(join(projectRoot, 'src/balance/schedulers')))
      if (!['commit.ts', 'index.ts', 'scheduler.ts'].includes(file))
        expect([
          file,
          readFileSync(join(projectRoot, 'src/balance/schedulers', file), 'utf8').split('\n').length <= 60,
        ]).toEqual([file, true]);
  });

  it('once it is on the list, is checked, filled in, told apart, built and put in order everywhere', () => {
    const axes = { scheduler: ['brake', { kind: 'brake', factor: 0.25 }, 'constant'] };
    const runs = runsOf({ fixed, axes });
    expect(runs.map(({ scheduler }) => scheduler)).toEqual([
      { kind: 'brake', factor: 0.5 },
      { kind: 'brake', factor: 0.25 },
      { kind: 'constant' },
    ]);
    expect(new Set(runs.map((run) => runIdentity(run, context).id)).size).toBe(3);
    expect(runIdentity(runs[0]!, context)).toEqual(
      runIdentity(runsOf({ fixed: { ...fixed, scheduler: { kind: 'brake', factor: 0.5 } } })[0]!, context),
    );
    expect(() => runsOf({ fixed: { ...fixed, scheduler: { kind: 'brake', factor: 2 } } })).toThrow(/out of range/);
    expect(() => runsOf({ fixed: { ...fixed, 'scheduler.factor': 0.5 } })).toThrow(/scheduler constant/);
    expect(labelRuns(runs).map(({ method }) => method)).toEqual([
      'brake (factor=0.5)',
      'brake (factor=0.25)',
      'constant',
    ]);
    expect(orderMethods(['zebra', 'brake', 'constant'])).toEqual(['constant', 'brake', 'zebra']);
    expect(schedulerFacts('brake').ignoresKappa).toBe(false);
    expect(windowOf(runs[0]!.scheduler)).toBe(5);
    expect(() => registerScheduler('late', brake)).toThrow(/read already/);

    const scheduler = buildScheduler(runs[1]!.scheduler);
    let state = scheduler.initial;
    const factors = [[], [Math.log(3)], [], [2, Math.log(0.5)]].map((logKappas, i) => {
      const observed = {
        step: i + 1,
        steps: 4,
        logKappas,
        warmup: 0,
        gradientNorm: null,
        parameterNorm: null,
        rate: { encoder: 3e-4, backbone: 3e-4 },
        followed: null,
      };
      const next = scheduler.next(JSON.parse(JSON.stringify(state)), observed);
      state = next.state;
      return next.decision.factor;
    });
    expect(factors).toEqual([
      { encoder: 1, backbone: 1 },
      { encoder: 1, backbone: 0.25 },
      { encoder: 1, backbone: 0.25 },
      { encoder: 0.25, backbone: 1 },
    ]);
  });
});

describe('parts state themselves', () => {
  const source = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

  // Examples for people name parts as people would: in help texts, in the first manifest of a project, in the schema.
  const examples = /^src\/(cli\/(compare|conditions|status|init\/templates)|manifest\/annotations)\.ts$/;

  it.each([
    [
      'a scheduler, but for the baseline of comparisons',
      ['warmup-cosine', 'feature-cd', 'language-cd', 'gradnorm', 'ogm-ge', 'commit-clr', "'commit'"],
      /^src\/balance\/schedulers\//,
    ],
    [
      'a connector',
      ["'mlp'", "'pixel-shuffle'", "'blip2-qformer'", "'window-qformer'"],
      /^src\/models\/zoo\/connectors\//,
    ],
    ['a tower', ["'resnet50'", "'whisper-tiny'"], /^src\/models\/zoo\/encoders\//],
    // The readers' formats are called as the sets that they were made for.
    [
      'a task',
      [
        "'emoji-icon-qa'",
        "'emoji-icon-qa-2'",
        "'groove-cap'",
        "'pic-know-qa'",
        "'pic-know-qa-2'",
        "'read-qa'",
        "'scene-cap'",
        "'sound-qa'",
        "'a-okvqa'",
      ],
      /^src\/(data\/(sets|readers)|manifest\/taskManifest\.ts$)/,
    ],
    // The sets of two tasks are limited by the tokens of a name.
    ['a backbone', ["'stories15m'", "'minimind2-small'"], /^src\/(models\/zoo\/backbones|data\/sets)\//],
  ])('so that no other room knows %s by name', (_what, names, own) => {
    const files = ['src', 'analysis'].flatMap((room) =>
      readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${room}/${name}`),
    );
    expect(files.length).toBeGreaterThan(200);
    const found = files
      .filter((path) => !own.test(path) && !examples.test(path))
      .flatMap((path) => names.filter((name) => source(path).includes(name)).map((name) => `${path}: ${name}`));
    expect(found).toEqual([]);
  });
});
