/** What docs/extending.md promises: names that manifests use are known in their rooms, and its scheduler does what it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
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
import { encoderRegistry } from '../src/models/encoders';
import * as optionsModule from '../src/parts/options';
import { notEmpty } from '../testing/lists';
import { fixed, runsOf } from '../testing/manifestHelp';

const context = { data: '', weights: {}, methodVersion: '', backend: '' };

describe('a name in a manifest', () => {
  it('is an encoder with weights that a data manifest describes', () => {
    for (const { name, source } of notEmpty(Object.values(encoderRegistry)))
      if (source !== undefined) expect([name, findSource(source).name]).toEqual([name, source]);
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

/** The example of docs/extending.md as the compiler makes it, and how many lines it has. */
function exampleScheduler(): { brake: SchedulerPart; lines: number } {
  const page = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
  const source = /<!-- example: brake.ts -->\n```ts\n([\s\S]*?)```/.exec(page)![1]!;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const made: { brake?: SchedulerPart } = {};
  const modules: Record<string, unknown> = { './scheduler': schedulerModule, '../../parts/options': optionsModule };
  new Function('exports', 'require', outputText)(made, (name: string) => modules[name]);
  return { brake: made.brake!, lines: source.trimEnd().split('\n').length };
}

describe('the scheduler of docs/extending.md', () => {
  const { brake, lines } = exampleScheduler();

  it('is one file of at most 60 lines', () => {
    expect(lines).toBeLessThanOrEqual(60);
    for (const file of readdirSync(join(projectRoot, 'src/balance/schedulers')))
      if (!['commit.ts', 'index.ts', 'scheduler.ts'].includes(file))
        expect([
          file,
          readFileSync(join(projectRoot, 'src/balance/schedulers', file), 'utf8').split('\n').length <= 60,
        ]).toEqual([file, true]);
  });

  it('once it is on the list, is checked, filled in, told apart, built and put in order everywhere', () => {
    expect(() => registerScheduler('constant', brake)).toThrow(/taken/);
    expect(() => registerScheduler('Brake!', brake)).toThrow(/small letters/);
    const other = { ...brake, options: { rule: optionsModule.number('a number elsewhere a word', 0, 1, 0) } };
    expect(() => registerScheduler('other', other)).toThrow(/its option rule is of type number, elsewhere string/);
    registerScheduler('brake', brake);

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
      const observed = { step: i + 1, steps: 4, logKappas, gradientNorm: null };
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

  it('so that no other room knows a scheduler by name, but for the baseline of comparisons', () => {
    const names = ['warmup-cosine', 'feature-cd', 'language-cd', 'gradnorm', 'ogm-ge', 'commit-clr', "'commit'"];
    const files = ['src', 'analysis'].flatMap((room) =>
      readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${room}/${name}`),
    );
    expect(files.length).toBeGreaterThan(200);
    const found = files
      .filter((path) => !path.startsWith('src/balance/schedulers/'))
      .flatMap((path) => names.filter((name) => source(path).includes(name)).map((name) => `${path}: ${name}`));
    expect(found).toEqual([]);
  });
});
