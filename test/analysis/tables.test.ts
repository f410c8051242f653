import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeTables } from '../../analysis/index';
import { hasActed, manipulation } from '../../analysis/manipulation';
import { tInterval } from '../../analysis/statistics';
import { escapeLatex, toLatex, toMarkdown } from '../../analysis/table';
import { best } from '../../analysis/tables/results';
import { experimentFolders, figuresFolder } from '../../src/cli/analysis';
import { define as figures } from '../../src/cli/figures';
import { define as tables } from '../../src/cli/tables';
import { projectRoot, sha256 } from '../../src/files';
import type { RunSpec } from '../../src/manifest/run';
import { completeSpec } from '../../src/parts/define';
import { optimisers } from '../../src/tensor/optimiserKinds';
import type { EvaluateRecord } from '../../src/train/records';
import { commandOutput } from '../../testing/commandOutput';
import {
  syntheticGrid,
  syntheticRecords,
  syntheticSpec,
  writeSyntheticGrid,
  writeSyntheticRun,
} from '../../testing/syntheticJournals';

const options = { steps: 20, seeds: 3, validateEvery: 0 };
let folder: string;
let out: string;

const read = (name: string, from = out) => readFileSync(join(from, name), 'utf8');
function csvRows(name: string, from = out): Record<string, string>[] {
  const [head, ...lines] = read(name, from).trimEnd().split('\n');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [head!.split(',')[i]!, value])));
}
const accuracies = (task: string, scheduler: string, backbone: number) =>
  syntheticGrid(options)
    .filter(
      (spec) =>
        spec.task === task &&
        spec.scheduler.kind === scheduler &&
        spec.learningRate.backbone === backbone &&
        spec.learningRate.encoder === 3e-4,
    )
    .map((spec) => syntheticRecords(spec, options).at(-1) as EvaluateRecord);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-tables-'));
  out = join(folder, 'out');
  writeSyntheticGrid(join(folder, 'quick'), options);
  await makeTables(join(folder, 'quick'), out);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('results', () => {
  test('means with t intervals and n, the best of each task and setting marked', () => {
    const rows = csvRows('results.csv');
    expect(rows).toHaveLength(2 * (5 + 2 + 2));
    const scores = accuracies('sound-qa', 'commit-clr', 3e-3);
    const row = rows.find(
      (each) => each['panel'] === 'sound-qa' && each['setting'] === 'backbone ×10' && each['method'] === 'commit-clr',
    )!;
    const choice = tInterval(scores.map((score) => score.choice.accuracy));
    const generation = tInterval(scores.map((score) => score.generation!.accuracy));
    expect(row).toMatchObject({ n: '3', generationN: '3', choiceBest: '1' });
    for (const [name, value] of [
      ['choice', choice.mean],
      ['choiceLow', choice.low],
      ['choiceHigh', choice.high],
      ['generation', generation.mean],
    ] as const) {
      expect(Number(row[name])).toBeCloseTo(value!, 5);
    }
    for (const setting of ['equal rates', 'backbone ×10', 'encoder ×10']) {
      const group = rows.filter((each) => each['panel'] === 'emoji-icon-qa' && each['setting'] === setting);
      const highest = Math.max(...group.map((each) => Number(each['choice'])));
      expect(group.filter((each) => each['choiceBest'] === '1').map((each) => Number(each['choice']))).toEqual([
        highest,
      ]);
    }
  });

  test('Markdown and LaTeX say the same, with n, the kind of interval and where they come from', () => {
    const choice = tInterval(accuracies('sound-qa', 'commit-clr', 3e-3).map((score) => score.choice.accuracy));
    const text = `${choice.mean.toFixed(3)} [${choice.low!.toFixed(3)}, ${choice.high!.toFixed(3)}]`;
    expect(read('results.md')).toContain(`| sound-qa | backbone ×10 | commit-clr | 3 | **${text}** |`);
    expect(read('results.tex')).toContain(`sound-qa & backbone $\\times$10 & commit-clr & 3 & \\textbf{${text}} & `);
    expect(read('results.tex')).toContain('\\label{tab:quick-results}');
    expect(read('results.tex')).toMatch(/\\toprule[\s\S]*\\midrule[\s\S]*\\bottomrule/);
    for (const name of ['results.md', 'results.tex']) {
      expect(read(name)).toContain('Student t interval');
      expect(read(name)).toContain('3 seeds');
      expect(read(name)).toContain(sha256(read('results.csv')));
      expect(read(name)).toContain('equipoise tables quick --only results');
    }
  });

  test('one seed has a mean and no interval, and a method alone is not the best', async () => {
    writeSyntheticRun(join(folder, 'one'), syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 0, 20), options);
    const made = await makeTables(join(folder, 'one'), join(folder, 'one-out'));
    const [head, line] = readFileSync(join(folder, 'one-out', 'results.csv'), 'utf8').split('\n');
    expect(line).toMatch(/^emoji-icon-qa,equal rates,constant,1,0\.\d+,,,0,1,/);
    expect(head).toContain('choiceLow');
    expect(made.skipped.map(({ table }) => table)).toEqual([
      'answers',
      'text-scores',
      'differences',
      'regulariser-gain',
      'meta',
      'convergence',
      'fair-fight',
      'rivals',
      'variants',
      'precision',
    ]);
    expect(made.skipped[2]!.reason).toBe(
      'needs finished runs of `constant` and of another method with seeds and setting in common',
    );
  });

  test('from five seeds on: interquartile means and probabilities of improvement with bootstrap intervals; below that neither', async () => {
    expect(Object.keys(csvRows('results.csv')[0]!)).toContain('choiceMiddle');
    expect(new Set(csvRows('results.csv').map((row) => row['choiceMiddle']))).toEqual(new Set(['']));
    expect(new Set(csvRows('differences.csv').map((row) => row['improvementLow']))).toEqual(new Set(['']));
    expect(read('results.md')).not.toContain('nterquartile');
    const five = { ...options, seeds: 5, tasks: ['sound-qa'] };
    const specs = syntheticGrid(five).filter(
      (spec) => spec.learningRate.backbone === 3e-4 && spec.learningRate.encoder === 3e-4,
    );
    for (const spec of specs) writeSyntheticRun(join(folder, 'five'), spec, five);
    const fives = join(folder, 'five-out');
    await makeTables(join(folder, 'five'), fives, { only: ['results', 'differences'] });
    const scores = (scheduler: string) =>
      specs
        .filter((spec) => spec.scheduler.kind === scheduler)
        .map((spec) => (syntheticRecords(spec, five).at(-1) as EvaluateRecord).choice.accuracy);
    const row = csvRows('results.csv', fives).find((each) => each['method'] === 'commit')!;
    const middle =
      scores('commit')
        .sort((a, b) => a - b)
        .slice(1, 4)
        .reduce((a, b) => a + b, 0) / 3;
    expect(Number(row['choiceMiddle'])).toBeCloseTo(middle, 5);
    expect(Number(row['choiceMiddleLow'])).toBeLessThan(middle);
    expect(Number(row['choiceMiddleLow'])).toBeGreaterThanOrEqual(Math.min(...scores('commit')) - 1e-6);
    expect(read('results.md', fives)).toContain('| Choice accuracy | Interquartile mean |');
    expect(read('results.md', fives)).toContain(
      `| ${middle.toFixed(3)} [${Number(row['choiceMiddleLow']).toFixed(3)}, `,
    );
    const paired = csvRows('differences.csv', fives).find((each) => each['method'] === 'commit')!;
    const wins = scores('commit').flatMap((a) =>
      scores('constant').map((b): number => (a > b ? 1 : a === b ? 0.5 : 0)),
    );
    const improvement = wins.reduce((a, b) => a + b, 0) / wins.length;
    expect(Number(paired['probabilityOfImprovement'])).toBeCloseTo(improvement, 5);
    expect([paired['improvementLow'], paired['improvementHigh']]).not.toContain('');
    expect(Number(paired['improvementLow'])).toBeLessThan(improvement);
    expect(Number(paired['improvementHigh'])).toBeGreaterThan(improvement);
  });

  test('best: equal means share the mark, missing ones have none', () => {
    expect(best([0.5, 0.7, null, 0.7])).toEqual([false, true, false, true]);
    expect(best([0.5])).toEqual([false]);
    expect(best([])).toEqual([]);
  });
});

test('rivals: methods against coordinated rates at the same ratio of rates, optimisers among them', async () => {
  const tasks = { ...options, tasks: ['sound-qa'] };
  const seeds = [0, 1, 2];
  const run = (scheduler: 'constant' | 'commit-clr', seed: number, over: Partial<RunSpec> = {}): RunSpec => ({
    ...syntheticSpec('sound-qa', scheduler, 'backbone', seed, tasks.steps),
    ...over,
  });
  const optimiser = completeSpec(optimisers, { kind: 'prodigy' });
  const prodigy = { optimiser, learningRate: { encoder: 0.5, backbone: 5 } };
  const loraPlus = { optimiser: completeSpec(optimisers, { kind: 'adamw', loraRatio: 16 }) };
  const specs = seeds.flatMap((seed) => [
    run('commit-clr', seed),
    run('constant', seed),
    run('constant', seed, prodigy),
    run('constant', seed, loraPlus),
    run('constant', seed, { optimiser, learningRate: { encoder: 1, backbone: 1 } }), // nothing coordinated beside it
  ]);
  for (const spec of specs) writeSyntheticRun(join(folder, 'rivals'), spec, tasks);
  const made = join(folder, 'rivals-out');
  await makeTables(join(folder, 'rivals'), made, { only: ['rivals', 'results'] });
  const rows = csvRows('rivals.csv', made);
  expect(rows.map((row) => `${row['ratio']} ${row['method']}`).sort()).toEqual([
    '10 commit-clr',
    '10 constant',
    '10 constant (LoRA+ 16)',
    '10 constant (prodigy)',
  ]);
  const scores = (over: Partial<RunSpec>, scheduler: 'constant' | 'commit-clr' = 'constant') =>
    seeds.map((seed) => syntheticRecords(run(scheduler, seed, over), tasks).at(-1) as EvaluateRecord);
  const base = scores({}, 'commit-clr');
  const apart = tInterval(scores(prodigy).map(({ choice }, i) => choice.accuracy - base[i]!.choice.accuracy));
  const row = rows.find(({ method }) => method === 'constant (prodigy)')!;
  expect(Number(row['difference'])).toBeCloseTo(apart.mean, 5);
  expect(Number(row['differenceLow'])).toBeCloseTo(apart.low!, 5);
  expect(row['n']).toBe('3');
  expect(new Set(csvRows('results.csv', made).map(({ panel }) => panel))).toEqual(new Set(['sound-qa'])); // one panel
  expect(read('rivals.md', made)).toContain('| sound-qa | 10 | constant (prodigy) |');
});

test('text-scores: every metric of generated text with what a method has over constant rates', async () => {
  const value = (scheduler: string, seed: number) => (scheduler === 'constant' ? 0.2 : 0.25) + 0.01 * seed ** 2;
  for (const seed of [1, 2, 3])
    for (const scheduler of ['constant', 'commit-clr'] as const)
      writeSyntheticRun(
        join(folder, 'texts'),
        syntheticSpec('emoji-icon-qa', scheduler, 'backbone', seed + (scheduler === 'constant' ? 0 : 1), 20),
        options,
        {},
        (text) => {
          const lines = text.trimEnd().split('\n');
          const texts = {
            'wups0.9': { value: value(scheduler, seed), total: 10 },
            ciderD: { value: 7 + seed, total: 10 },
          };
          lines.push(JSON.stringify({ ...(JSON.parse(lines.pop()!) as object), texts }));
          return `${lines.join('\n')}\n`;
        },
      );
  const made = join(folder, 'texts-out');
  expect((await makeTables(join(folder, 'texts'), made, { only: ['text-scores'] })).skipped).toEqual([]);
  const rows = csvRows('text-scores.csv', made);
  expect(rows.map(({ metric, method, n }) => `${metric} ${method} ${n}`)).toEqual([
    'ciderD constant 3',
    'ciderD commit-clr 3',
    'wups0.9 constant 3',
    'wups0.9 commit-clr 3',
  ]);
  const row = rows.find(({ metric, method }) => metric === 'wups0.9' && method === 'commit-clr')!;
  // Seeds in common are 2 and 3: the coordinated runs of 1 and 2 in the numbering of `value`.
  const apart = tInterval([2, 3].map((seed) => value('commit-clr', seed - 1) - value('constant', seed)));
  expect(Number(row['difference'])).toBeCloseTo(apart.mean, 6);
  expect(Number(row['differenceLow'])).toBeCloseTo(apart.low!, 5);
  expect(row['corrected']).not.toBe('');
  const cider = rows.find(({ metric }) => metric === 'ciderD')!;
  expect(Number(cider['high'])).toBeGreaterThan(9); // no share: not cut to 1
  expect(read('text-scores.md', made)).toContain('| emoji-icon-qa | backbone ×10 | commit-clr | 3 | wups0.9 |');
});

test('by-kind: every kind of every task, a column a method', () => {
  const rows = csvRows('by-kind.csv');
  expect(rows).toHaveLength((3 + 4) * (5 + 2 + 2));
  const values = accuracies('emoji-icon-qa', 'constant', 3e-4).map((score) => score.choiceByKind['count']!.accuracy);
  const row = rows.find(
    (each) =>
      each['kind'] === 'count' &&
      each['panel'] === 'emoji-icon-qa' &&
      each['setting'] === 'equal rates' &&
      each['method'] === 'constant',
  )!;
  expect(Number(row['choice'])).toBeCloseTo(tInterval(values).mean, 5);
  expect(read('by-kind.md')).toContain(
    '| Task | Learning rates | Kind | constant | feature-cd | language-cd | commit-clr | commit |',
  );
  expect(
    read('by-kind.md')
      .split('\n')
      .filter((line) => line.startsWith('| sound-qa | backbone ×10 |')),
  ).toHaveLength(4);
});

test('differences: paired by seed against constant', () => {
  const rows = csvRows('differences.csv');
  expect(rows).toHaveLength(2 * (4 + 1 + 1));
  const [own, base] = [accuracies('sound-qa', 'commit', 3e-4), accuracies('sound-qa', 'constant', 3e-4)];
  const expected = tInterval(own.map((score, i) => score.choice.accuracy - base[i]!.choice.accuracy));
  const row = rows.find((each) => each['panel'] === 'sound-qa' && each['method'] === 'commit')!;
  expect(Number(row['difference'])).toBeCloseTo(expected.mean, 5);
  expect(Number(row['low'])).toBeCloseTo(expected.low!, 5);
});

test('regulariser-gain: commit against commit-clr, and nothing else', () => {
  const rows = csvRows('regulariser-gain.csv');
  expect(new Set(rows.map((row) => row['method']))).toEqual(new Set(['commit']));
  const [own, base] = [accuracies('sound-qa', 'commit', 3e-4), accuracies('sound-qa', 'commit-clr', 3e-4)];
  const row = rows.find((each) => each['panel'] === 'sound-qa' && each['setting'] === 'equal rates')!;
  expect(Number(row['difference'])).toBeCloseTo(
    tInterval(own.map((score, i) => score.choice.accuracy - base[i]!.choice.accuracy)).mean,
    5,
  );
  expect(read('regulariser-gain.md')).toContain('Choice accuracy of commit against commit-clr');
  // Both methods' made-up steps are 1e-3 long, so the regulariser did nothing to them.
  expect(row).toMatchObject({ stepEncoder: '1', stepBackbone: '1', divergenceEncoder: '1', verdict: 'not tested' });
});

describe('manipulation check', () => {
  const run = (encoder: number, backbone: number, divergence: number) => ({
    steps: { encoder, backbone },
    divergences: { encoder: divergence, backbone: 1 },
  });

  test('ratio of mean steps and of geometric mean divergences, by hand', () => {
    // steps (.3 + .5) / (.2 + .2), (.1 + .1) / (.1 + .3); divergences sqrt(8 * 2) / sqrt(1 * 4)
    const found = manipulation([run(0.3, 0.1, 8), run(0.5, 0.1, 2)], [run(0.2, 0.1, 1), run(0.2, 0.3, 4)]);
    expect(found.steps.encoder).toBeCloseTo(2, 12);
    expect(found.steps.backbone).toBeCloseTo(0.5, 12);
    expect(found.divergences.encoder).toBeCloseTo(2, 12);
    expect(found.divergences.backbone).toBeCloseTo(1, 12);
    expect(hasActed(found)).toBe(true);
  });

  test.each([
    [1.05, 1.01, true],
    [1.049, 1.5, false], // steps too short
    [1.5, 1, false], // no larger divergence
    [NaN, NaN, false], // a module that never moved
  ])('steps × %d and divergence × %d of one module: %s', (step, divergence, acted) => {
    const found = { steps: { encoder: 1, backbone: step }, divergences: { encoder: 1, backbone: divergence } };
    expect(hasActed(found)).toBe(acted);
  });

  test('longer steps with larger divergences are tested: a verdict instead of "not tested"', async () => {
    const at = join(folder, 'acted');
    const scaled = (factor: number) => (text: string) =>
      text
        .replaceAll('"updateRatio":{"encoder":0.001', `"updateRatio":{"encoder":${0.001 * factor}`)
        .replaceAll('"dEncoder":0.0001', `"dEncoder":${0.0001 * factor}`);
    for (const [scheduler, factor] of [
      ['commit', 1.1],
      ['commit-clr', 1],
    ] as const)
      for (const seed of [0, 1])
        writeSyntheticRun(
          at,
          syntheticSpec('sound-qa', scheduler, 'equal rates', seed, 20),
          options,
          {},
          scaled(factor),
        );
    await makeTables(at, join(folder, 'acted-out'), { only: ['regulariser-gain'] });
    const [row] = csvRows('regulariser-gain.csv', join(folder, 'acted-out'));
    expect(Number(row!['stepEncoder'])).toBeCloseTo(1.1, 5);
    expect(Number(row!['divergenceEncoder'])).toBeCloseTo(1.1, 5);
    expect(Number(row!['stepBackbone'])).toBe(1);
    expect(Number(row!['high'])).toBeLessThan(0);
    expect(row!['verdict']).toBe('below 0');
  });
});

test('hostile text stays text', () => {
  expect(escapeLatex('50% of a_b & {c}\\d × #1')).toBe('50\\% of a\\_b \\& \\{c\\}\\textbackslash{}d $\\times$ \\#1');
  const about = { title: 'a|b', caption: '<script>', dataSha256: '', command: '' };
  const layout = { columns: [{ header: 'x', numeric: false }], groups: [[[{ text: 'a|b\nc' }]]] };
  expect(toMarkdown(layout, about)).toContain('| a\\|b c |');
  expect(toMarkdown(layout, about)).not.toContain('<script>');
  expect(toLatex(layout, 'x', about)).toContain('a$|$b c \\\\');
});

describe('commands', () => {
  async function run(...words: string[]): Promise<string> {
    vi.stubEnv('EQUIPOISE_RESULTS', folder);
    try {
      return (await commandOutput({ figures, tables }, ...words)).out;
    } finally {
      vi.unstubAllEnvs();
    }
  }

  test('tables of one experiment, told in lines: what was made, skipped, not counted', async () => {
    const failed = writeSyntheticRun(
      join(folder, 'cli'),
      syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 1, 20),
      options,
      { status: 'failed', failure: 'out of memory', final: null },
    );
    writeSyntheticRun(join(folder, 'cli'), syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 0, 20), options);
    const text = await run('tables', 'cli', '--out', join(folder, 'made'));
    expect(text).toContain('cli: 1 finished run in');
    expect(text).toMatch(/ {2}results +csv md tex/);
    expect(text).toMatch(/ {2}differences +skipped: needs finished runs of `constant` and of another method/);
    expect(text).toContain(`    ${failed}  failed: out of memory`);
    expect(existsSync(join(folder, 'made', 'cli', 'results.tex'))).toBe(true);
  });

  test('figures as JSON, only those asked for', async () => {
    const { experiments } = JSON.parse(
      await run('figures', 'cli', '--only', 'kappa-curves', 'rate-settings', '--out', join(folder, 'made'), '--json'),
    ) as { experiments: [{ experiment: string; written: string[]; skipped: { name: string }[] }] };
    const [outcome] = experiments;
    expect(outcome.experiment).toBe('cli');
    expect(outcome.written).toHaveLength(5);
    expect(outcome.skipped.map(({ name }) => name)).toEqual(['rate-settings']);
  });

  test('an unknown experiment is told with the nearest; the reference results are found by name, own ones first', async () => {
    await expect(run('tables', 'quik', '--out', join(folder, 'made'))).rejects.toThrow(
      /experiment "quik": has no results.*did you mean quick\?/,
    );
    writeSyntheticRun(
      join(folder, 'reference', 'quick'),
      syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 0, 20),
      options,
    );
    writeSyntheticRun(
      join(folder, 'reference', 'paper'),
      syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 0, 20),
      options,
    );
    expect(experimentFolders('paper', folder)).toEqual([join(folder, 'reference', 'paper')]);
    expect(experimentFolders('quick', folder)).toEqual([join(folder, 'quick')]);
    expect(experimentFolders(join(folder, 'one'), folder)).toEqual([join(folder, 'one')]);
    expect(() => experimentFolders(undefined, join(folder, 'absent'))).toThrow(/there are no results yet/);
  });

  test('nothing that a user draws goes where the committed figures are, unless the committed runs are drawn', async () => {
    const committed = join(projectRoot, 'paper-figures');
    const ignored = readFileSync(join(projectRoot, '.gitignore'), 'utf8').split('\n');
    expect(figuresFolder({})).toBe(join(projectRoot, 'figures'));
    expect(ignored).toEqual(expect.arrayContaining(['/figures/', '/kept/']));
    expect(figuresFolder({ reference: true })).toBe(committed);
    expect(figuresFolder({ reference: true, out: folder })).toBe(folder);
    vi.stubEnv('EQUIPOISE_FIGURES', join(folder, 'drawn'));
    const text = await run('tables', 'cli', '--only', 'results');
    expect(text).toContain(`written to ${join(folder, 'drawn', 'cli')}`);
    expect(existsSync(join(folder, 'drawn', 'cli', 'results.csv'))).toBe(true);
    expect(existsSync(join(committed, 'cli'))).toBe(false);
    for (const name of ['cli', join(folder, 'cli')])
      await expect(run('tables', name, '--reference')).rejects.toThrow(
        /is not in .*reference, which alone --reference draws/,
      );
  });
});
