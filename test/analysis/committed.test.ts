/** Committed against yours: each case by hand, and from folders of runs to the sum. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../analysis/claims/claim';
import { compareCells, pairedShift, predictedShift } from '../../analysis/claims/committed';
import { committedRunsOf, ownRuns, type ComparedRun } from '../../analysis/claims/committedRuns';
import type { Evaluation } from '../../analysis/claims/evaluate';
import { readNoise } from '../../analysis/claims/noise';
import { compareRerun, comparedClaim, isOutside, outcomeOf, type ComparedClaim } from '../../analysis/claims/rerun';
import { cellsTable, sumText } from '../../analysis/claims/rerunTable';
import { keepRuns } from '../../analysis/keep';
import type { RunFile } from '../../src/runner/runFile';
import { withCache } from '../../testing/environment';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const place = withCache();

describe('the same seeds', () => {
  test('without known noise: the 90 % interval of the differences within the margin', () => {
    // differences .01, .02, .03: mean .02, sd .01, half 2.919986 * .01 / sqrt 3 = .016859
    const shift = pairedShift([0.01, 0.02, 0.03], 0.037, undefined, 0.95);
    expect(shift).toMatchObject({ shift: expect.closeTo(0.02, 12) as number, answer: 'agrees' });
    expect(shift.high).toBeCloseTo(0.036859, 6);
    expect(pairedShift([0.01, 0.02, 0.03], 0.036, undefined, 0.95).answer).toBe('too noisy to say');
    expect(pairedShift([-0.01, -0.02, -0.03], 0.036, undefined, 0.95).answer).toBe('too noisy to say');
  });

  test('without known noise nothing is ever said to differ, and one pair says nothing', () => {
    expect(pairedShift([0.5, 0.5001, 0.4999], 0.03, undefined, 0.95).answer).toBe('too noisy to say');
    expect(pairedShift([0], 0.03, undefined, 0.95).answer).toBe('too few to say');
  });

  test('with known noise: what it explains, what it does not, and what it hides', () => {
    // noise .02 from 10 differences, n = 4: error .01; t(.975, 10) = 2.228139, t(.95, 10) = 1.812461
    const noise = { rms: 0.02, differences: 10 };
    const of = (shift: number, margin = 0.03) => pairedShift([shift, shift, shift, shift], margin, noise, 0.95).answer;
    expect(of(0.0223)).toBe('differs');
    expect(of(0.0222)).toBe('too noisy to say');
    expect(of(-0.0223)).toBe('differs');
    expect(of(0.0118)).toBe('agrees');
    expect(of(0.0119)).toBe('too noisy to say');
    // the reader's example: noise .08 can hardly ever agree
    expect(pairedShift([0, 0, 0], 0.03, { rms: 0.08, differences: 50 }, 0.95).answer).toBe('too noisy to say');
  });
});

test('other seeds: the prediction interval, by hand', () => {
  // committed mean .5, spread .02 with 4 degrees of freedom: 2.776445 * .02 * sqrt(1/5 + 1/3) = .040553
  const committed = [0.5, 0.5, 0.5, 0.5, 0.5];
  const spread = { sd: 0.02, degrees: 4 };
  expect(predictedShift([0.54, 0.54, 0.54], committed, spread, 0.95)).toMatchObject({ answer: 'within' });
  expect(predictedShift([0.541, 0.541, 0.541], committed, spread, 0.95)).toMatchObject({ answer: 'outside' });
  expect(predictedShift([0.5], committed, spread, 0.95).high).toBeCloseTo(2.776445 * 0.02 * Math.sqrt(1.2), 6);
  expect(predictedShift([0.9], [0.5], null, 0.95).answer).toBe('too few to say');
});

const run = (seed: number, choice: number, change: Partial<ComparedRun> = {}): ComparedRun => ({
  id: `run-${seed}`,
  seed,
  spec: syntheticSpec('sound-qa', 'constant', 'equal rates', seed),
  cell: 'constant',
  family: 'all',
  choice,
  loss: 1,
  journal: `journal-${seed}`,
  ...change,
});

describe('cells', () => {
  test('equal journals are identical, whatever else', () => {
    const [cell] = compareCells([run(1, 0.5), run(2, 0.6)], [run(1, 0.5), run(2, 0.6), run(3, 0.7)], []);
    expect(cell).toMatchObject({ case: 'same seeds', n: 2, committed: 3, choice: { answer: 'identical' } });
    const [other] = compareCells([run(1, 0.5, { journal: 'x' })], [run(1, 0.5)], []);
    expect(other!.choice.answer).toBe('too few to say');
  });

  test('seeds that both have and new ones stand apart', () => {
    const cells = compareCells([run(1, 0.5), run(8, 0.5), run(9, 0.6)], [run(1, 0.5), run(2, 0.6)], []);
    expect(cells.map((cell) => [cell.case, cell.n, cell.committed])).toEqual([
      ['same seeds', 1, 2],
      ['other seeds', 2, 2],
    ]);
    expect(cells[1]!.choice.shift).toBeCloseTo(0, 12);
    expect(compareCells([run(1, 0.5, { cell: 'unknown' })], [run(1, 0.5)], [])).toEqual([]);
  });

  test('with fewer than five committed seeds the spread of the task and rates is taken, of more its own', () => {
    // own .4 .5 .6 (sd .1, two degrees) and another method's .5 .5 .5 (sd 0): pooled sqrt(.02 / 4) = .070711
    const other = [1, 2, 3].map((seed) => run(seed, 0.5, { cell: 'other' }));
    const own = [run(1, 0.4), run(2, 0.5), run(3, 0.6)];
    const [cell] = compareCells([run(9, 0.5)], [...own, ...other], []);
    // two quantities of one cell: level .975, t(.9875, 4) = 3.495406
    expect(cell!.choice.high).toBeCloseTo(3.495406 * 0.0707107 * Math.sqrt(1 / 3 + 1), 5);
    const five = [...own, run(4, 0.5), run(5, 0.5)];
    // sd .0707107 of its own, four degrees: the other method does not count
    const [alone] = compareCells(
      [run(9, 0.5)],
      [...five, ...other.map((each) => ({ ...each, choice: each.seed }))],
      [],
    );
    expect(alone!.choice.high).toBeCloseTo(3.495406 * 0.0707107 * Math.sqrt(1 / 5 + 1), 5);
  });

  test('the noise of the same task and rates counts, no other', () => {
    const noise = {
      task: 'sound-qa',
      rates: { encoder: 3e-4, backbone: 3e-4 },
      differences: 10,
      choice: 1e-4,
      loss: 1,
    };
    const compare = (known: typeof noise) =>
      compareCells([run(1, 0.6, { journal: 'x' }), run(2, 0.6)], [run(1, 0.5), run(2, 0.5)], [known])[0]!.choice.answer;
    expect(compare(noise)).toBe('differs');
    expect(compare({ ...noise, task: 'emoji-icon-qa' })).toBe('too noisy to say');
    expect(compare({ ...noise, rates: { encoder: 3e-4, backbone: 3e-3 } })).toBe('too noisy to say');
  });
});

const claim: Claim = {
  id: 'gain',
  by: 'project',
  label: 'chosen',
  tier: 'exploratory',
  statement: 'A claim for tests.',
  needs: {
    experiments: ['mine'],
    task: 'sound-qa',
    a: { method: 'commit-clr', rates: { encoder: 3e-4, backbone: 3e-4 } },
    b: { method: 'constant', rates: { encoder: 3e-4, backbone: 3e-4 } },
    seeds: 2,
  },
  quantity: 'final.choice',
  comparison: 'paired',
  rule: { kind: 'above', margin: 0, level: 0.95 },
  reference: { estimate: 0.1, low: 0.05, high: 0.15, sd: 0.04, n: 5, verdict: 'supported' },
};
const evaluation = (verdict: Evaluation['verdict'], value: number): Evaluation => ({
  claim,
  verdict,
  estimate: { value, error: 0.01, degrees: 2, sd: 0.02, n: 3 },
  low: null,
  high: null,
  p: null,
  corrected: null,
  why: null,
});

test("a claim's shift is held to what new seeds do: t(.975, 4) * .04 * sqrt(1/5 + 1/3) = .081105", () => {
  const near = comparedClaim(evaluation('undecided', 0.02));
  expect(near.expected).toBeCloseTo(0.081105, 5);
  expect([near.shift, isOutside(near)]).toEqual([-0.08, false]);
  expect(isOutside(comparedClaim(evaluation('supported', 0.182)))).toBe(true);
});

describe('the sum', () => {
  const cell = (choice: number, other = 0.5) =>
    compareCells(
      [run(7, choice), run(8, choice), run(9, choice)],
      [1, 2, 3, 4, 5].map((seed) => run(seed, other + seed / 1000, { loss: 1 + seed / 1000 })),
      [],
    )[0]!;
  const [fits, fails] = [cell(0.503), cell(0.9)];
  const of = (verdict: Evaluation['verdict']): ComparedClaim[] => [comparedClaim(evaluation(verdict, 0.1))];

  test.each([
    ['reproduced', [fits], of('supported')],
    ['reproduced', [fits], of('undecided')],
    ['partly reproduced', [fits, fails], of('supported')],
    ['not reproduced', [fits], of('contradicted')],
    ['nothing to say', [], of('supported')],
  ] as const)('%s', (outcome, cells, claims) => {
    expect([fits.choice.answer, fails.choice.answer]).toEqual(['within', 'outside']);
    expect(outcomeOf(cells, claims)).toBe(outcome);
  });
});

describe('the file of noise', () => {
  const good = {
    format: 'equipoise-rerun-noise/1',
    machines: ['a', 'b'],
    cells: [{ task: 'sound-qa', rates: { encoder: 3e-4, backbone: 3e-4 }, differences: 10, choice: 0.01, loss: 0.02 }],
  };
  const read = (content: unknown) => {
    const path = join(place.folder, 'rerun-noise.json');
    writeFileSync(path, JSON.stringify(content));
    return readNoise(path);
  };

  test('is read; without it there is no noise', () => {
    expect(read(good)).toEqual(good.cells);
    expect(readNoise(join(place.folder, 'absent.json'))).toEqual([]);
  });

  test('from one machine, or with another shape, is refused', () => {
    expect(() => read({ ...good, machines: ['a'] })).toThrow(/machines: must NOT have fewer than 2 items/);
    expect(() => read({ ...good, cells: [{ ...good.cells[0], choice: -1 }] })).toThrow(/choice: must be >= 0/);
    expect(() => read([])).toThrow(/not an object/);
  });
});

describe('from folders of runs', () => {
  const options = { steps: 20, every: 10, validateEvery: 0 };
  const write = (folder: string, seeds: readonly number[]) => {
    for (const method of ['constant', 'commit-clr'] as const)
      for (const seed of seeds)
        writeSyntheticRun(folder, syntheticSpec('sound-qa', method, 'equal rates', seed, 20), options);
  };

  test('a copy of the committed runs is identical; other seeds are held to their spread; no network, no training', async () => {
    const [mine, reference] = [join(place.folder, 'results', 'mine'), join(place.folder, 'reference')];
    write(mine, [1, 2, 3]);
    await keepRuns(mine, join(reference, 'theirs'));
    const noise = join(place.folder, 'none.json');
    const same = await compareRerun(mine, reference, noise, [claim]);
    expect(same.cells.map(({ method, n, choice }) => [method, n, choice.answer])).toEqual(
      expect.arrayContaining([
        ['constant', 3, 'identical'],
        ['commit-clr', 3, 'identical'],
      ]),
    );
    expect(same.claims).toHaveLength(1);
    expect(sumText(same)).toContain('2 cells, accuracy and loss: 4 identical.');
    rmSync(mine, { recursive: true });
    write(mine, [4, 5]);
    const other = await compareRerun(mine, reference, noise, []);
    expect(other.cells.map((cell) => [cell.case, cell.n, cell.committed])).toEqual([
      ['other seeds', 2, 3],
      ['other seeds', 2, 3],
    ]);
    expect(cellsTable(other)!.layout.groups).toHaveLength(1);
    expect(sumText(other)).toContain('No claim is about these runs.');
  });

  test('one changed byte of a journal is no longer identical', async () => {
    const [mine, reference] = [join(place.folder, 'results', 'touched'), join(place.folder, 'reference-touched')];
    write(mine, [1, 2]);
    await keepRuns(mine, join(reference, 'theirs'));
    const [first] = ownRuns(mine);
    const journal = join(mine, first!.id, 'metrics.jsonl');
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"step":1,', '"step":1, '));
    const { cells } = await compareRerun(mine, reference, join(place.folder, 'none.json'), []);
    expect(cells.map(({ choice }) => choice.answer).sort()).toEqual(['agrees', 'identical']);
  });

  test('without committed runs, or with none of these settings, there is nothing to compare', async () => {
    const mine = join(place.folder, 'results', 'alone');
    write(mine, [1]);
    expect(await committedRunsOf(join(place.folder, 'nowhere'), [])).toEqual([]);
    const rerun = await compareRerun(mine, join(place.folder, 'nowhere'), join(place.folder, 'none.json'), [claim]);
    expect(sumText(rerun)).toBe(
      'alone: no committed run has these settings, and no claim is about them; nothing to compare',
    );
  });

  test('runs that are not finished do not count', () => {
    const [mine, copy] = [join(place.folder, 'results', 'half'), join(place.folder, 'results', 'copy')];
    write(mine, [1]);
    mkdirSync(copy, { recursive: true });
    cpSync(mine, copy, { recursive: true });
    const [first] = ownRuns(copy);
    const path = join(copy, first!.id, 'run.json');
    const file = JSON.parse(readFileSync(path, 'utf8')) as RunFile;
    writeFileSync(path, JSON.stringify({ ...file, status: 'running' }));
    expect(ownRuns(copy)).toHaveLength(1);
  });
});
