/** What the views say: the numbers of the tables, settings apart, and conditions that reach nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { mcNemar } from '../../analysis/comparison';
import { openJournals } from '../../analysis/aggregate';
import { valuesOf } from '../../analysis/claims/quantities';
import { makeTables } from '../../analysis/index';
import { canonicalJson, projectRoot } from '../../src/files';
import { leaveOutDefaults } from '../../src/manifest/defaults';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { predictionLines } from '../../src/train/predictions';
import { answersView, countsOf, sharesOf } from '../../src/ui/views/answers';
import { compareView, curveOf } from '../../src/ui/views/compare';
import { nowView, planView } from '../../src/ui/views/now';
import { manifestOfRun } from '../../src/ui/views/run';
import { kappaView, runsView, type RunsView } from '../../src/ui/views/runs';
import { BadCondition, columnsOf, rowsWhere } from '../../src/ui/where';
import { notEmpty } from '../../testing/lists';
import { onePixel, predictionsOf, setIdentity, writeStoredSet } from '../../testing/storedSet';
import { syntheticGrid, syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { served, type Served } from '../../testing/uiServer';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-views-'));
const grid = join(folder, 'results', 'grid');
const options = { steps: 40, every: 5, validateEvery: 20 };
const specs = syntheticGrid({ seeds: 3, steps: 40 });
const unfinished = syntheticSpec('sound-qa', 'constant', 'equal rates', 9, 40);
const cache = process.env['EQUIPOISE_CACHE'];
let at: Served;
let stoppedId: string;

beforeAll(async () => {
  process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
  for (const spec of specs) writeSyntheticRun(grid, spec, options);
  stoppedId = writeSyntheticRun(grid, unfinished, options, { status: 'running', final: null, step: 20 });
  at = await served(folder, null, (name) =>
    name !== 'grid'
      ? undefined
      : {
          about: { what: 'a grid', command: '', expectedTime: '', lookFor: '' },
          file: 'grid.json',
          profile: 'brief',
          planned: [...specs, unfinished, syntheticSpec('sound-qa', 'constant', 'equal rates', 10, 40)],
        },
  );
});
afterAll(async () => {
  if (cache === undefined) delete process.env['EQUIPOISE_CACHE'];
  else process.env['EQUIPOISE_CACHE'] = cache;
  await at.close();
  rmSync(folder, { recursive: true, force: true });
});

const place = () => at.library.place('grid');
const shown = async (where = ''): Promise<RunsView> => runsView(at.library, place(), where);

/** Cells of a table's Markdown, with the marks of bold type or without. */
const cellsOf = (name: string, marks = true): string[][] =>
  readFileSync(join(folder, 'tables', `${name}.md`), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => (marks ? cell : cell.replaceAll('**', '')).replaceAll('\\|', '|')),
    );

describe('numbers', () => {
  beforeAll(() => makeTables(grid, join(folder, 'tables'), { only: ['results', 'differences'] }));

  it('are those of equipoise tables, to the digit, row for row', async () => {
    const { settings } = await shown();
    const marked = (text: string, best: boolean) => (best ? `**${text}**` : text);
    const own = settings.map((each) => [
      each.panel,
      each.setting,
      each.method,
      String(each.n),
      marked(each.choice, each.choiceBest),
      marked(each.generation, each.generationBest),
    ]);
    expect(settings.filter(({ choiceBest }) => choiceBest).length).toBeGreaterThan(1);
    expect(own).toHaveLength(18);
    expect(own.sort()).toEqual(cellsOf('results').sort());
  });

  it('of paired differences are those of the table of differences', async () => {
    const rows = cellsOf('differences', false).filter(([, setting]) => setting === 'equal rates');
    const { settings } = await shown();
    for (const [panel, , method, n, difference, d, improvement] of notEmpty(rows)) {
      const keyOf = (name: string) =>
        settings.find((each) => each.panel === panel && each.setting === 'equal rates' && each.method === name)!.key;
      const { paired } = await compareView(at.library, place(), [keyOf('constant'), keyOf(method!)]);
      expect(paired[0]).toMatchObject({ n: Number(n), difference, effect: d, improvement });
    }
  });

  it('hold no run that has not finished, which is called so', async () => {
    const { settings, ignored } = await shown();
    const own = settings.find(({ runs }) => runs.some(({ id }) => id === stoppedId))!;
    expect(own).toMatchObject({ panel: 'sound-qa', method: 'constant', setting: 'equal rates', n: 3 });
    expect(own.runs.find(({ id }) => id === stoppedId)).toMatchObject({
      state: 'partial',
      counts: false,
      accuracy: null,
      seed: 9,
    });
    expect(ignored).toEqual([]);
  });

  it('leave out a run whose journal is damaged, as the tables do, once the journals were read', async () => {
    const spec = syntheticSpec('sound-qa', 'constant', 'equal rates', 4, 40);
    const folderOf = (name: string) => join(folder, 'results', name);
    writeSyntheticRun(folderOf('torn'), { ...spec, seed: 3 }, options);
    const bad = writeSyntheticRun(folderOf('torn'), spec, options, {}, (text) =>
      text.replace('\n', '\nnot a record\n'),
    );
    const torn = at.library.place('torn');
    expect((await kappaView(at.library, torn)).ignored).toEqual([
      { id: bad, reason: 'metrics.jsonl has 1 unreadable line' },
    ]);
    const { settings, ignored } = await runsView(at.library, torn, '');
    expect(settings.map(({ n }) => n)).toEqual([1]);
    expect(ignored).toEqual([{ id: bad, reason: 'metrics.jsonl has 1 unreadable line' }]);
    await makeTables(folderOf('torn'), join(folder, 'torn'), { only: ['results'] });
    expect(settings[0]!.choice).toBe(
      readFileSync(join(folder, 'torn', 'results.md'), 'utf8')
        .split('\n')[4]!
        .split(' | ')[4],
    );
  });

  it('are never over two settings', async () => {
    const { settings } = await at.library.settings(place());
    const files = new Map(specs.map((spec) => [canonicalJson(spec), spec]));
    for (const { runs, spec } of settings) {
      const same = [...files.values()].filter(
        (each) => canonicalJson({ ...each, seed: 0 }) === canonicalJson({ ...spec, seed: 0 }),
      );
      expect(runs.filter(({ counts }) => counts)).toHaveLength(same.length);
    }
  });

  it('are never over two settings, also not of rates that are alike in three digits', async () => {
    const alike = join(folder, 'results', 'alike');
    const spec = syntheticSpec('sound-qa', 'constant', 'equal rates', 1, 40);
    for (const encoder of [0.00010001, 0.00010002])
      writeSyntheticRun(alike, { ...spec, learningRate: { encoder, backbone: 3e-4 } }, options);
    const { settings } = await runsView(at.library, at.library.place('alike'), '');
    expect(settings.map(({ setting, n }) => [setting, n])).toEqual([
      ['encoder ×0.33337', 1],
      ['encoder ×0.3334', 1],
    ]);
    for (const { mean, runs } of settings) expect(mean).toBeCloseTo(runs[0]!.accuracy!, 5);
  });

  it('of kappa come with every setting that has finished', async () => {
    const { kappa } = await kappaView(at.library, place());
    expect(kappa).toHaveLength(18);
    expect(kappa[0]!.text).toMatch(/^−?\d\.\d\d \[−?\d\.\d\d, −?\d\.\d\d\]$/);
  });

  it('of kappa are those of the claims, whichever journals were read before', async () => {
    const folderOf = join(folder, 'results', 'growing');
    const spec = (seed: number) => syntheticSpec('sound-qa', 'commit', 'equal rates', seed, 40);
    const growing = () => at.library.place('growing');
    const claimed = async () => {
      const journals = await openJournals(folderOf);
      const values = [...(await valuesOf(journals, 'logKappa.mean')).values()];
      journals.close();
      return values;
    };
    for (const seed of [1, 2, 3]) {
      writeSyntheticRun(folderOf, spec(seed), options);
      const { values } = await at.library.logKappas(growing());
      expect([...values.values()].sort()).toEqual((await claimed()).sort());
      expect(values.size).toBe(seed);
    }
    // A journal that has changed is read again; the others' numbers stay.
    const changed = writeSyntheticRun(folderOf, spec(2), options, {}, (text) =>
      text.replace(/"logKappa":[^,]+/g, '"logKappa":2'),
    );
    const after = await at.library.logKappas(growing());
    expect(after.values.get(changed)).toBe(2);
    expect([...after.values.values()].sort()).toEqual((await claimed()).sort());
  });

  it('of what is to come are those of the manifest', async () => {
    expect((await nowView(at.library, place())).counts).toEqual({ done: 54, running: 0, partial: 1, failed: 0 });
    expect(await planView(at.library, place())).toMatchObject({
      planned: 56,
      unbegun: 1,
      profile: 'brief',
      command: 'equipoise run grid.json --profile brief',
    });
  });
});

describe('a condition', () => {
  it('chooses settings by their values and options', async () => {
    const count = async (where: string) => (await shown(where)).settings.length;
    expect(await count("task = 'sound-qa'")).toBe(9);
    expect(await count("scheduler like 'commit%' and learningRate_backbone > learningRate_encoder")).toBe(2);
    expect(await count('n > 3')).toBe(0);
    const { settings } = await shown('accuracy >= 0.5');
    expect(settings).toEqual((await shown()).settings.filter(({ mean }) => mean !== null && mean >= 0.5));
  });

  it('that cannot be used shows everything and says why', async () => {
    const view = await shown('nothing = 1');
    expect([view.settings.length, view.total]).toEqual([18, 18]);
    expect(view.fault).toMatch(/nothing/);
  });

  test.each([
    [
      'a file',
      `n = (select count(*) from read_text('${join(projectRoot, 'package.json')}'))`,
      /disabled by configuration|Permission/,
    ],
    ['a second statement', 'true); drop table settings; select (1', /one condition|syntax/],
    ['a setting', 'true); set enable_external_access = true; select (1', /one condition|syntax/],
    ['writing', "true); copy settings to 'x.csv'; select (1", /one condition|syntax/],
    ['an extension', 'true); install httpfs; select (1', /one condition|syntax/],
    ['other rows', 'true) union all (select 99999', /one condition/],
    ['an open quote', "task = 'x", /one condition/],
    ['endless work', '(select count(*) from range(1000000000000)) > 0', /longer than 2 s/],
    ['much text', `n = 1 ${' '.repeat(600)}`, /longer than 500/],
  ])('may not reach %s', async (_, condition, why) => {
    const failed = await rowsWhere([{ n: 1 }], condition).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(BadCondition);
    expect((failed as Error).message).toMatch(why);
  });

  it('sees hostile values as values', async () => {
    const rows = [
      { method: "x'); drop table settings; --", 'a.b': 1 },
      { method: 'y', 'a.b': 2 },
    ];
    expect(await rowsWhere(rows, "method like 'x%' and a_b = 1")).toEqual([0]);
    expect(
      columnsOf([{ a: 1, A: 2, 'b.c': 'x', b_c: 'y', d: true, e: null }]).map(({ name, type }) => `${name} ${type}`),
    ).toEqual(['a DOUBLE', 'b.c VARCHAR', 'd BOOLEAN', 'e VARCHAR']);
  });
});

describe('curves', () => {
  it('are the mean and its t interval at each step, of a logarithmic axis the geometric mean', () => {
    const series = [
      { steps: [1, 2], values: [1, 4] },
      { steps: [1], values: [3] },
    ];
    const plain = curveOf('k', series, false);
    // t(0.975, 1) = 12.7062, standard deviation sqrt(2): half = 12.7062.
    expect([plain.steps, plain.mean, plain.n]).toEqual([
      [1, 2],
      [2, 4],
      [2, 1],
    ]);
    expect(plain.low[0]).toBeCloseTo(2 - 12.7062, 3);
    expect([plain.low[1], plain.high[1]]).toEqual([null, null]);
    expect(curveOf('k', series, true).mean[0]).toBeCloseTo(Math.sqrt(3), 12);
  });
});

describe('a run as a manifest of its own', () => {
  const quick = expand(loadManifest(join(projectRoot, 'experiments', 'quickstart.json')));
  const tuned = expand(loadManifest(join(projectRoot, 'experiments', 'tuned-towers.json')));

  test.each([...specs.slice(0, 20), ...quick.slice(0, 40), ...tuned.slice(0, 6)].map((spec, i) => [i, spec] as const))(
    'is read again as the same run (%i)',
    (_, spec) => {
      const path = join(folder, 'again.json');
      writeFileSync(path, manifestOfRun(spec, 'again')!);
      const [again, ...more] = expand(loadManifest(path));
      expect(more).toEqual([]);
      expect(canonicalJson(leaveOutDefaults(again!))).toBe(canonicalJson(leaveOutDefaults(spec)));
    },
  );
});

describe('answers', () => {
  const task = 'emoji-icon-qa';
  const ids = () =>
    [1, 2].map((seed) =>
      writeSyntheticRun(
        join(folder, 'results', 'said'),
        syntheticSpec(task, 'constant', 'equal rates', seed, 40),
        options,
        {
          data: { task, identity: setIdentity },
        },
      ),
    ) as [string, string];

  it('stand beside their question and picture, and say so where these are not here', async () => {
    const [first, second] = ids();
    const write = (id: string, wrong: (i: number) => boolean) =>
      writeFileSync(
        join(folder, 'results', 'said', id, 'predictions.jsonl'),
        predictionLines(predictionsOf(task, 20, wrong)),
      );
    write(first, (i) => i < 5);
    write(second, (i) => i >= 5);
    const said = at.library.place('said');
    const without = await answersView(at.library, said, first, null);
    expect(without.missing).toMatch(/not on this machine/);
    expect(without.questions[0]).toMatchObject({ prompt: null, media: null, right: false, said: 'b' });
    writeStoredSet(join(folder, 'cache'), task, 20, 'What is it?');
    const view = await answersView(at.library, said, first, second);
    expect(view.missing).toBeNull();
    expect(view.questions[0]).toMatchObject({
      prompt: 'What is it?',
      media: 'image',
      confidence: expect.closeTo(0.75, 12),
    });
    expect(view).toMatchObject({
      disagreement: { questions: 20, first: 15, second: 5, p: '.041' },
      sources: [{ source: 'drawn' }],
    });
    const picture = await at.ask(`/media?experiment=said&run=${first}&item=q-3`);
    expect([picture.status, picture.headers['content-type'], picture.headers['content-length']]).toEqual([
      200,
      'image/png',
      String(onePixel.length),
    ]);
    const part = await at.ask(`/media?experiment=said&run=${first}&item=q-3`, { headers: { range: 'bytes=1-3' } });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([
      206,
      'PNG',
      `bytes 1-3/${onePixel.length}`,
    ]);
  });

  it('are counted by kind, and so is what was taken for what', () => {
    const questions = predictionsOf(task, 10, (i) => i < 4).map(({ id, kind, answer, chosen }) => ({
      id,
      kind,
      answer,
      said: chosen,
      right: chosen === answer,
    }));
    const { kinds, confused } = countsOf(questions as never);
    expect(kinds).toEqual([
      { kind: 'count', right: 3, total: 5 },
      { kind: 'name', right: 3, total: 5 },
    ]);
    expect(confused.map(({ kind, times }) => [kind, times])).toEqual([
      ['name', 2],
      ['count', 2],
    ]);
  });

  it('share out the likelihoods, however small', () => {
    const [prediction] = predictionsOf(task, 1, () => false);
    const shares = sharesOf({ ...prediction!, likelihoods: [-2000, -2000 + Math.log(3)] }).map(({ share }) => share);
    expect(shares).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
  });

  // 2 * sum of binomial coefficients over 2^n, by hand: 2 * 1 / 1024, 2 * 11 / 1024, 2 * 21700 / 2^20.
  test.each([
    [0, 0, 1],
    [0, 10, 2 / 1024],
    [9, 1, 22 / 1024],
    [5, 15, (2 * 21700) / 2 ** 20],
    [7, 7, 1],
    [2000, 2000, 1],
  ])('of which %i and %i are right alone have McNemar’s p', (first, second, p) => {
    expect(mcNemar(first, second)).toBeCloseTo(p, 10);
  });
});
