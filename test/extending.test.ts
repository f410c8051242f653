/** What docs/extending.md promises: names that manifests use are known in their rooms, and its scheduler does what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as schedulers from '../src/balance/schedulers/scheduler';
import type { Scheduler } from '../src/balance/schedulers/scheduler';
import { releasedTaskNames } from '../src/data/readers/recipe';
import { setSources, setTasks } from '../src/data';
import { findSource } from '../src/sources/sources';
import { loadTokenizer } from '../src/text/tokenizer';
import { projectRoot } from '../src/files';
import { backbones, encoders, tasks } from '../src/manifest/names';
import { backboneSource } from '../src/models/backbones';
import { backboneConfigs } from '../src/models/backbones/configs';
import { encoderRegistry } from '../src/models/encoders';

describe('a name in a manifest', () => {
  it('is an encoder of the same modality and width, with weights that a data manifest describes', () => {
    expect(Object.keys(encoderRegistry).sort()).toEqual(Object.keys(encoders).sort());
    for (const [name, { modality, width }] of Object.entries(encoders)) {
      expect(encoderRegistry[name]).toMatchObject({ modality, width });
      expect(() => findSource(encoderRegistry[name]!.source)).not.toThrow();
    }
  });

  it('is a backbone with a reader, a configuration of the same width, a tokenizer, and weights that a data manifest describes', async () => {
    expect(Object.keys(backboneConfigs).sort()).toEqual(Object.keys(backbones).sort());
    for (const [name, { width }] of Object.entries(backbones)) {
      expect(backboneConfigs[name]!.width).toBe(width);
      expect(() => findSource(backboneSource(name))).not.toThrow();
    }
    const told = await loadTokenizer('none').then(
      () => '',
      (error: Error) => error.message,
    );
    expect(told.split('expected ')[1]!.split(', ').sort()).toEqual(Object.keys(backbones).sort());
  });

  it('is a task whose set is generated from sources that data manifests describe, or released', () => {
    expect(setTasks.filter((name) => !Object.hasOwn(tasks, name))).toEqual([]);
    expect(
      Object.keys(tasks).filter((name) => !setTasks.includes(name) && !releasedTaskNames().includes(name)),
    ).toEqual([]);
    for (const task of setTasks) for (const source of setSources(task)) expect(() => findSource(source)).not.toThrow();
  });
});

it('the scheduler of docs/extending.md slows the module that moved the answers further, until the next measurement', () => {
  const page = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
  const source = /<!-- example: brake.ts -->\n```ts\n([\s\S]*?)```/.exec(page)![1]!;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const made: { brake?: (options: { factor: number }) => Scheduler<unknown> } = {};
  new Function('exports', 'require', outputText)(made, () => schedulers);
  const scheduler = made.brake!({ factor: 0.25 });
  let state = scheduler.initial;
  const factors = [[], [Math.log(3)], [], [2, Math.log(0.5)]].map((logKappas, i) => {
    const next = scheduler.next(JSON.parse(JSON.stringify(state)), {
      step: i + 1,
      steps: 4,
      logKappas,
      gradientNorm: null,
    });
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
