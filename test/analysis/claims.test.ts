/** Claims: their files, the rules by hand, the quantities on made-up journals, and the committed references. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import { describe, expect, test } from 'vitest';
import { readClaims, type Claim, type Quantity, type Rule } from '../../analysis/claims/claim';
import schema from '../../analysis/claims/claims.schema.json';
import { hasTurned, ruleText } from '../../analysis/claims/claimsTable';
import {
  estimateOf,
  estimateOfCells,
  intervalOf,
  probabilityOf,
  ruleOfThree,
  verdictOf,
} from '../../analysis/claims/estimate';
import { correctConfirmatory, type Evaluation } from '../../analysis/claims/evaluate';
import { randomEffects } from '../../analysis/meta';
import { allClaims, withReferences } from '../../analysis/claims/referenceFile';
import { evaluateFolder, evaluateNamed, folderBelow } from '../../analysis/claims/sources';
import { define as claims } from '../../src/cli/claims';
import { projectRoot } from '../../src/files';
import { filledRun } from '../../src/manifest/defaults';
import type { JournalRecord, MeasureRecord } from '../../src/train/records';
import { commandOutput } from '../../testing/commandOutput';
import { withCache } from '../../testing/environment';
import { notEmpty } from '../../testing/lists';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const place = withCache('file', (folder) => ({
  EQUIPOISE_RESULTS: join(folder, 'results'),
  EQUIPOISE_FIGURES: join(folder, 'figures'),
}));

const equal = { encoder: 3e-4, backbone: 3e-4 };
const fast = { encoder: 3e-4, backbone: 3e-3 };
const base: Claim = {
  id: 'made-up',
  by: 'project',
  label: 'chosen',
  tier: 'exploratory',
  statement: 'A claim for tests.',
  needs: {
    experiments: ['made-up'],
    task: 'sound-qa',
    a: { method: 'commit-clr', rates: equal },
    b: { method: 'constant', rates: equal },
    seeds: 2,
  },
  quantity: 'final.choice',
  comparison: 'paired',
  rule: { kind: 'above', margin: 0, level: 0.95 },
};

describe('the files of claims', () => {
  test('are well-formed, with a valid schema, and state numbers that can be evaluated', () => {
    const ajv = new Ajv2020({ strict: true, strictRequired: false, discriminator: true, allowUnionTypes: true });
    expect(ajv.validateSchema(schema)).toBe(true);
    const files = readClaims();
    const all = allClaims(files);
    expect(all.length).toBeGreaterThan(20);
    // that they are at most ten, reading them has checked
    expect(all.some(({ tier }) => tier === 'confirmatory')).toBe(true);
  });

  function faults(change: object[], about: unknown = 'x'): string {
    const folder = join(place.folder, 'claims');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'a.json'),
      JSON.stringify({ about, claims: change.map((each) => ({ ...base, ...each })) }),
    );
    try {
      readClaims(folder);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }

  test.each<[string, object, RegExp]>([
    ['an unknown field', { extra: 1 }, /additional properties/],
    ['an unknown quantity', { quantity: 'luck' }, /\/claims\/0\/quantity/],
    ['a rule of another kind', { rule: { kind: 'above', margin: 0, level: 0.95, around: 1 } }, /\/claims\/0\/rule/],
    ['a level of a half', { rule: { kind: 'above', margin: 0, level: 0.5 } }, /\/claims\/0\/rule\/level/],
    ['a path as an id', { id: '../x' }, /\/claims\/0\/id/],
    ['no second side', { needs: { ...base.needs, b: undefined } }, /needs a second side/],
    [
      'a scheduler that is not there',
      { needs: { ...base.needs, a: { method: 'commit-crl', rates: equal } } },
      /did you mean commit-clr/,
    ],
    ['a side without rates', { needs: { ...base.needs, a: { method: 'constant' } } }, /needs a task and the rates/],
    [
      'an optimiser on one side',
      { needs: { ...base.needs, a: { ...base.needs.a, optimiser: { kind: 'adamw' } } } },
      /one side names its optimiser/,
    ],
    [
      'set-ups of which there is one',
      { comparison: 'setups', needs: { ...base.needs, b: undefined } },
      /the comparison setups needs needs\.less/,
    ],
    [
      'an interaction with nothing to take away',
      { comparison: 'interaction' },
      /the comparison interaction needs needs\.less/,
    ],
    [
      'something to take away from pairs',
      { needs: { ...base.needs, where: { encoder: 'x' }, less: { encoder: 'y' } } },
      /the comparison paired takes nothing away/,
    ],
    ...[{}, { where: { encoder: 'x' } }].map((where): [string, object, RegExp] => [
      `the same taken away from itself (${JSON.stringify(where)})`,
      { comparison: 'interaction', needs: { ...base.needs, ...where, less: { encoder: 'x' } } },
      /needs\.less gives encoder, of which needs\.where gives no other value/,
    ]),
    ['a count without its rule', { comparison: 'count' }, /does not fit the comparison count/],
    [
      'a check of a claim that is not there',
      { checks: [{ kind: 'supported', claim: 'nobody' }] },
      /names no claim: "nobody"/,
    ],
  ])('with %s are refused', (_, change, message) => {
    expect(faults([change])).toMatch(message);
  });

  test('with an id twice, eleven confirmatory claims, or no JSON are refused', () => {
    expect(faults([{}])).toBe('');
    expect(faults([{}, {}])).toContain('another claim has this id');
    const eleven = Array.from({ length: 11 }, (_, i) => ({ id: `c-${i}`, tier: 'confirmatory' }));
    expect(faults(eleven.slice(1))).toBe('');
    expect(faults(eleven)).toMatch(/11 confirmatory claims; expected at most 10/);
    writeFileSync(join(place.folder, 'claims', 'a.json'), '{');
    expect(() => readClaims(join(place.folder, 'claims'))).toThrow(/not JSON/);
  });
});

describe('rules', () => {
  // Mean 2, standard deviation 1, n = 4: error .5, three degrees of freedom; t(.975) = 3.182446, t(.95) = 2.353363.
  // Intervals: 95 % [.408777, 3.591223], 90 % [.823318, 3.176682].
  const values = [1, 1.5, 2.5, 3].map((value) => 2 + (value - 2) / Math.sqrt(2.5 / 3));
  const estimate = estimateOf(values);

  test('stand on the interval of Student t', () => {
    expect(estimate).toMatchObject({ n: 4, degrees: 3 });
    expect(estimate.value).toBeCloseTo(2, 12);
    expect(estimate.error).toBeCloseTo(0.5, 12);
    expect(intervalOf(estimate, 0.95)!.low).toBeCloseTo(0.408777, 5);
    expect(intervalOf(estimate, 0.9)!.high).toBeCloseTo(3.176682, 5);
    expect(intervalOf(estimateOf([1]), 0.95)).toBeNull();
  });

  const level = 0.95;
  test.each<[Rule, string]>([
    [{ kind: 'above', margin: 0.4, level }, 'supported'],
    [{ kind: 'above', margin: 0.41, level }, 'undecided'],
    [{ kind: 'above', margin: 3.59, level }, 'undecided'],
    [{ kind: 'above', margin: 3.6, level }, 'contradicted'],
    [{ kind: 'below', margin: 3.6, level }, 'supported'],
    [{ kind: 'below', margin: 3.59, level }, 'undecided'],
    [{ kind: 'below', margin: 0.4, level }, 'contradicted'],
    // the 90 % interval must lie inside, 1.176682 on both sides of 2 or 3.176682 of 0
    [{ kind: 'equivalent', margin: 3.18, level }, 'supported'],
    [{ kind: 'equivalent', margin: 3.17, level }, 'undecided'],
    [{ kind: 'equivalent', margin: 1.18, around: 2, level }, 'supported'],
    [{ kind: 'equivalent', margin: 1.17, around: 2, level }, 'undecided'],
    // the 95 % interval must lie outside
    [{ kind: 'equivalent', margin: 0.4, level }, 'contradicted'],
    [{ kind: 'equivalent', margin: 0.41, level }, 'undecided'],
  ])('%j: %s', (rule, verdict) => {
    expect(verdictOf(rule, estimate)).toBe(verdict);
  });

  test('a count: nothing but zero supports, and what zero leaves possible is three over n', () => {
    const rule: Rule = { kind: 'countZero', level };
    const count = (hits: number) => ({ value: hits / 300, error: null, degrees: 0, sd: null, n: 300 });
    expect(verdictOf(rule, count(0))).toBe('supported');
    expect(verdictOf(rule, count(1))).toBe('contradicted');
    expect(ruleOfThree(300, 0.95)).toBeCloseTo(0.009986, 6);
  });

  test('without an interval nothing is decided', () => {
    expect(verdictOf({ kind: 'above', margin: 0, level }, estimateOf([5]))).toBe('undecided');
  });

  test('p-values belong to the rules: t = 4 and t = 2 with three degrees of freedom', () => {
    // By the closed form with three degrees of freedom, x = atan(t / sqrt 3): two-sided 1 - (2 / pi) (x + sin x cos x) is
    // .0280085 at 4, and half of it .0696630 at 2.
    expect(probabilityOf({ kind: 'above', margin: 0, level }, estimate)).toBeCloseTo(0.0280085, 6);
    expect(probabilityOf({ kind: 'below', margin: 0, level }, estimate)).toBeCloseTo(0.0280085, 6);
    // margins 1 and 3 lie two errors away on both sides of 2
    expect(probabilityOf({ kind: 'equivalent', margin: 1, around: 2, level }, estimate)).toBeCloseTo(0.069663, 6);
    expect(probabilityOf({ kind: 'above', margin: 1, level }, estimateOf([1, 1]))).toBe(1);
    expect(probabilityOf({ kind: 'above', margin: 0, level }, estimateOf([1, 1]))).toBe(0);
    expect(probabilityOf({ kind: 'countZero', level }, estimate)).toBeNull();
  });

  test('a mean over cells keeps the interval that it came with', () => {
    const combined = randomEffects([0.1, 0.3, -0.2, 0.2].map((effect) => ({ effect, variance: 0.01 })))!;
    expect(combined.high - combined.low).toBeGreaterThan(0.1);
    const { low, high } = intervalOf(estimateOfCells(combined), 0.95)!;
    expect(low).toBeCloseTo(combined.low, 10);
    expect(high).toBeCloseTo(combined.high, 10);
  });

  test('are said in words', () => {
    expect(ruleText({ kind: 'above', margin: 0.2, level })).toBe('above .2');
    expect(ruleText({ kind: 'equivalent', margin: 0.3, around: 2, level })).toBe('within ±.3 of 2');
  });
});

describe('Holm over the confirmatory list', () => {
  const evaluation = (
    id: string,
    p: number | null,
    tier: Claim['tier'] = 'confirmatory',
    verdict: Evaluation['verdict'] = 'undecided',
  ): Evaluation => ({
    claim: { ...base, id, tier },
    verdict,
    estimate: null,
    low: null,
    high: null,
    p,
    corrected: null,
    why: null,
  });

  test('leaves out exploratory claims and does not get shorter by missing runs', () => {
    const found = correctConfirmatory([
      evaluation('a', 0.01),
      evaluation('b', 0.001, 'exploratory'),
      evaluation('c', null),
      evaluation('d', 0.03),
    ]);
    // list of three: .01 * 3, .03 * 2, and 1 for the one that was not evaluated
    expect(found.map(({ corrected }) => corrected)).toEqual([0.03, null, null, 0.06]);
  });

  test('takes back what only the uncorrected p-value decides, of confirmatory claims alone', () => {
    const found = correctConfirmatory([
      evaluation('a', 0.01, 'confirmatory', 'supported'),
      evaluation('b', 0.03, 'exploratory', 'supported'),
      evaluation('c', 0.03, 'confirmatory', 'contradicted'),
      evaluation('d', null, 'confirmatory', 'not tested'),
    ]);
    // .01 * 3, .03 * 2 at level .95
    expect(found.map(({ verdict }) => verdict)).toEqual(['supported', 'supported', 'undecided', 'not tested']);
  });
});

/** Changes each record of a made-up journal. */
const changed =
  (change: (record: JournalRecord) => JournalRecord) =>
  (text: string): string =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => `${JSON.stringify(change(JSON.parse(line) as JournalRecord))}\n`)
      .join('');

const steps = 20;
const options = { steps, every: 5, validateEvery: 10 };

/** Writes a run whose journal is known: loss 1 / step + shift, log kappa and the rest by the measured step. */
function writeKnown(
  experiment: string,
  method: 'constant' | 'commit-clr' | 'commit' | 'feature-cd' | 'yoked',
  seed: number,
  {
    choice,
    shift = 0,
    logKappa = [0, 0, 0, 0],
    tightness = 0.5,
    rate = 3e-4,
    step = 1e-3,
    d = 1e-4,
    factor,
    optimiser,
    distance,
  }: {
    choice: number;
    shift?: number;
    logKappa?: number[];
    tightness?: number;
    rate?: number;
    step?: number;
    d?: number;
    /** on the backbone's base rate, by the step; without it no warm-up either */
    factor?: (step: number) => number;
    optimiser?: { kind: 'lamb'; clipOver: 'module' };
    /** Prodigy's estimate for the encoder, by the step; that of the backbone always grows */
    distance?: (step: number) => number;
  },
): void {
  const setting = rate > 1e-3 ? 'backbone' : 'equal rates';
  writeSyntheticRun(
    join(place.folder, 'results', experiment),
    filledRun({
      ...syntheticSpec('sound-qa', method, setting, seed, steps),
      ...(optimiser === undefined ? {} : { optimiser }),
    }),
    options,
    {},
    changed((record) => {
      if (record.kind === 'train') {
        const warm = factor === undefined ? 1 : Math.min(1, record.step / 10);
        const learningRate = { encoder: 3e-4 * warm, backbone: rate * warm * (factor?.(record.step) ?? 1) };
        const estimates =
          distance === undefined ? {} : { distance: { encoder: distance(record.step), backbone: record.step } };
        return { ...record, loss: 1 / record.step + shift, learningRate, ...estimates };
      }
      if (record.kind === 'evaluate') {
        const best = record.split === 'validation' && record.step === 10 ? 0.1 : 0;
        return {
          ...record,
          loss: 2 - choice,
          choice: { correct: 0, total: 1, accuracy: choice + best },
          texts: { setAccuracy: { value: choice / 2, total: 1 } },
        };
      }
      const value = logKappa[record.step / 5 - 1]!;
      const both = (of: number) => ({ encoder: of, backbone: of });
      return {
        ...(record as MeasureRecord),
        logKappa: value,
        kappa: Math.exp(value),
        normalisedGradient: both(1 / record.step),
        tightness: { encoder: tightness, backbone: record.step === 5 ? tightness * 2 : tightness },
        updateRatio: both(step),
        dEncoder: d,
        dBackbone: d,
      };
    }),
  );
}

const evaluate = async (experiment: string, ...changes: Partial<Claim>[]): Promise<Evaluation[]> =>
  evaluateFolder(
    changes.map((change) => ({ ...base, ...change })),
    join(place.folder, 'results', experiment),
  );

describe('claims on made-up journals', () => {
  const level = {
    needs: { ...base.needs, b: undefined, a: { method: 'constant', rates: equal } },
    comparison: 'level',
  } as const;

  test('paired differences by seed, those that both have', async () => {
    for (const [seed, a, b] of [
      [1, 0.6, 0.5],
      [2, 0.7, 0.5],
      [3, 0.8, 0.5],
    ] as const) {
      writeKnown('paired', 'commit-clr', seed, { choice: a, shift: -0.1 * seed });
      writeKnown('paired', 'constant', seed, { choice: b });
    }
    writeKnown('paired', 'constant', 9, { choice: 0.1 });
    const quantities: Quantity[] = [
      'final.choice',
      'final.loss',
      'validation.best',
      'train.mean',
      'train.end',
      'texts.setAccuracy',
    ];
    const found = await evaluate('paired', ...quantities.map((quantity) => ({ quantity })));
    // differences .1, .2, .3: mean .2, sd .1; the interval is .2 +- 4.302653 * .1 / sqrt 3
    expect(found.map(({ estimate }) => estimate!.n)).toEqual([3, 3, 3, 3, 3, 3]);
    const means = [0.2, -0.2, 0.2, -0.2, -0.2, 0.1];
    notEmpty(found).forEach(({ estimate }, i) => expect(estimate!.value, quantities[i]).toBeCloseTo(means[i]!, 10));
    expect(found[0]!.low).toBeCloseTo(0.2 - (4.302653 * 0.1) / Math.sqrt(3), 6);
    expect(found[0]).toMatchObject({ verdict: 'undecided', why: null });
  });

  test('an interaction: differences less those of another set-up, by seed', async () => {
    // [seed, difference with Adam's joint clipping, the same of another step]; seed 4 lacks the other
    for (const [seed, here, there] of [
      [1, 0.3, 0.1],
      [2, 0.2, 0.1],
      [3, 0.4, 0.1],
      [4, 0.9, null],
    ] as const) {
      const kinds = { wide: here, narrow: there };
      for (const [kind, difference] of Object.entries(kinds)) {
        if (difference === null) continue;
        const optimiser = kind === 'wide' ? {} : { optimiser: { kind: 'lamb', clipOver: 'module' } as const };
        writeKnown('interaction', 'commit-clr', seed, { choice: 0.1 + difference, ...optimiser });
        writeKnown('interaction', 'constant', seed, { choice: 0.1, ...optimiser });
      }
    }
    const needs = { ...base.needs, where: { 'optimiser.kind': 'adamw' }, less: { 'optimiser.kind': 'lamb' } };
    const [found, lacking, wider, alone] = await evaluate(
      'interaction',
      { comparison: 'interaction', needs: { ...needs, seeds: 3 } },
      { comparison: 'interaction', needs: { ...needs, less: { 'optimiser.kind': 'sgd' } } },
      {
        comparison: 'interaction',
        needs: { ...needs, where: { 'optimiser.epsilon': 1e-8 }, less: { 'optimiser.epsilon': 1e-6 } },
      },
      { comparison: 'setups', needs: { ...needs, b: undefined, seeds: 3 }, quantity: 'final.loss' },
    );
    // Of side a alone: losses of 2 - choice, so the differences are -.2, -.1, -.3.
    expect(alone!.estimate).toMatchObject({ n: 3 });
    expect(alone!.estimate!.value).toBeCloseTo(-0.2, 10);
    // .2, .1, .3: mean .2, sd .1, n = 3
    expect(found!.estimate).toMatchObject({ n: 3 });
    expect(found!.estimate!.value).toBeCloseTo(0.2, 10);
    expect(found!.low).toBeCloseTo(0.2 - (4.302653 * 0.1) / Math.sqrt(3), 6);
    expect(wider).toMatchObject({
      verdict: 'not evaluable',
      why: 'the runs of both set-ups differ in optimiser.kind, too',
    });
    expect(lacking).toMatchObject({
      verdict: 'not evaluable',
      why: expect.stringContaining('with optimiser.kind sgd') as string,
    });
  });

  test('levels: log kappa over the run, early and late, sign changes, gradients', async () => {
    for (const seed of [1, 2]) writeKnown('level', 'constant', seed, { choice: 0.5, logKappa: [1, -1, 2, 4] });
    const quantities: Quantity[] = [
      'logKappa.mean',
      'logKappa.end',
      'logKappa.early',
      'signChanges',
      'gradient.encoder',
      'validation.best',
    ];
    const found = await evaluate('level', ...quantities.map((quantity) => ({ ...level, quantity })));
    // measures at steps 5, 10, 15, 20: the last quarter is step 20, the first tenth its first measure
    const wanted = [1.5, 4, 1, 2 / 3, Math.log(1 / 20), 0.6];
    notEmpty(found).forEach(({ estimate }, i) => expect(estimate!.value, quantities[i]).toBeCloseTo(wanted[i]!, 10));
  });

  test('a slope a seed over the log ratio of the rates', async () => {
    for (const seed of [1, 2]) {
      writeKnown('slope', 'constant', seed, { choice: 0.5, logKappa: [0.5, 9, 9, 9] });
      // a ratio of 10: 0.5 + slope * log 10
      const slope = seed === 1 ? 1.5 : 2.5;
      writeKnown('slope', 'constant', seed, {
        choice: 0.5,
        rate: 3e-3,
        logKappa: [0.5 + slope * Math.log(10), 9, 9, 9],
      });
    }
    const [found] = await evaluate('slope', {
      needs: { ...base.needs, a: { method: 'constant' }, b: undefined },
      quantity: 'logKappa.early',
      comparison: 'slope',
      rule: { kind: 'equivalent', margin: 20, around: 2, level: 0.95 },
    });
    expect(found!.estimate).toMatchObject({ n: 2 });
    expect(found!.estimate!.value).toBeCloseTo(2, 10);
    expect(found!.verdict).toBe('supported');
  });

  test('a count over all measures of both modules', async () => {
    for (const seed of [1, 2])
      writeKnown('count', 'constant', seed, { choice: 0.5, tightness: seed === 1 ? 0.6 : 0.4 });
    const claim: Partial<Claim> = {
      ...level,
      quantity: 'tightness',
      comparison: 'count',
      rule: { kind: 'countZero', level: 0.95 },
    };
    const [found] = await evaluate('count', claim);
    // four measures of two modules and two seeds; only the backbone's first of seed 1, 1.2, exceeds its bound
    expect(found!.estimate).toMatchObject({ value: 1 / 16, n: 16 });
    expect(found!.verdict).toBe('contradicted');
  });

  test('cells together, with seeds in common in each', async () => {
    for (const seed of [1, 2])
      for (const rate of [3e-4, 3e-3]) {
        writeKnown('meta', 'commit-clr', seed, { choice: 0.5 + 0.01 * seed + (rate > 1e-3 ? 0.02 : 0), rate });
        writeKnown('meta', 'constant', seed, { choice: 0.5, rate });
      }
    const needs = { ...base.needs, task: undefined, a: { method: 'commit-clr' }, b: { method: 'constant' } };
    const [found, missing] = await evaluate(
      'meta',
      { needs, comparison: 'meta', rule: { kind: 'equivalent', margin: 0.2, level: 0.95 } },
      { needs: { ...needs, cells: 3 }, comparison: 'meta' },
    );
    // cells .015 and .035, equally noisy
    expect(found!.estimate).toMatchObject({ n: 2 });
    expect(found!.estimate!.value).toBeCloseTo(0.025, 10);
    expect(found!.verdict).toBe('supported');
    expect(missing).toMatchObject({
      verdict: 'not evaluable',
      why: expect.stringMatching(/in 3 cells .*; here 2$/) as string,
    });
  });

  test('what is missing is said, and runs of two set-ups are not mixed', async () => {
    writeKnown('missing', 'commit-clr', 1, { choice: 0.5 });
    writeKnown('missing', 'constant', 1, { choice: 0.4 });
    const [few, none] = await evaluate(
      'missing',
      {},
      { needs: { ...base.needs, a: { method: 'commit-clr', rates: fast } } },
    );
    expect(few!.why).toBe(
      'needs 2 seeds of commit-clr at 0.0003 / 0.0003 and of constant at 0.0003 / 0.0003 on sound-qa (made-up); here 1',
    );
    expect(none).toMatchObject({ verdict: 'not evaluable', estimate: null });
    const folder = join(place.folder, 'results', 'mixed');
    for (const batch of [8, 16])
      for (const method of ['constant', 'commit-clr'] as const)
        for (const seed of [1, 2])
          writeSyntheticRun(
            folder,
            { ...syntheticSpec('sound-qa', method, 'equal rates', seed, steps), batch },
            options,
          );
    const [mixed, told] = await evaluate('mixed', {}, { needs: { ...base.needs, where: { batch: 16 } } });
    expect(mixed!.why).toContain('runs of 2 set-ups fit');
    expect(told!.estimate).toMatchObject({ n: 2 });
  });

  test('sides that name their optimisers are compared across them, with its options as given', async () => {
    for (const seed of [1, 2]) {
      writeKnown('optimisers', 'commit-clr', seed, { choice: 0.6 });
      writeKnown('optimisers', 'constant', seed, { choice: 0.5 });
      writeKnown('optimisers', 'constant', seed, { choice: 0.3, optimiser: { kind: 'lamb', clipOver: 'module' } });
    }
    const adamw = { method: 'commit-clr', optimiser: { kind: 'adamw' }, rates: equal };
    const lamb = (clipOver: string) => ({
      needs: {
        ...base.needs,
        a: adamw,
        b: { method: 'constant', optimiser: { kind: 'lamb', clipOver }, rates: equal },
      },
    });
    const [across, other, same] = await evaluate('optimisers', lamb('module'), lamb('joint'), {});
    expect(across!.estimate!.value).toBeCloseTo(0.3, 10);
    expect(other!.why).toContain('of constant with optimiser lamb (clipOver=joint) at 0.0003 / 0.0003');
    expect(same!.estimate!.value).toBeCloseTo(0.1, 10);
  });

  test('another rule of the same scheduler is another method', async () => {
    for (const seed of [1, 2]) {
      writeKnown('options', 'commit-clr', seed, { choice: 0.6 });
      writeKnown('options', 'constant', seed, { choice: 0.5 });
    }
    const [plain, lagging] = await evaluate(
      'options',
      {},
      { needs: { ...base.needs, a: { method: { kind: 'commit-clr', rule: 'lagging' }, rates: equal } } },
    );
    expect(plain!.estimate!.value).toBeCloseTo(0.1, 10);
    expect(lagging!.verdict).toBe('not evaluable');
  });
});

describe('checks before a claim', () => {
  test.each([
    ['paused', { factor: (step: number) => (step === 7 ? 0 : 1) }, { factor: () => 1 }, 'step in which a module rests'],
    [
      'estimated',
      { distance: (step: number) => step * 1e-6 },
      { distance: () => 1e-6 },
      'estimated a distance for both modules',
    ],
  ] as const)('a rival that has %s in every run', async (kind, does, doesNot, words) => {
    const checks = [{ kind }];
    for (const [name, last] of [
      ['all', does],
      ['some', doesNot],
    ] as const) {
      for (const seed of [1, 2]) {
        writeKnown(`${kind}-${name}`, 'commit-clr', seed, { choice: 0.6 + seed / 1000 });
        writeKnown(`${kind}-${name}`, 'constant', seed, { choice: 0.5, ...(seed === 2 ? last : does) });
      }
    }
    const [all] = await evaluate(`${kind}-all`, { checks });
    expect(all).toMatchObject({ verdict: 'supported', checked: expect.stringContaining('2 of 2 runs have') as string });
    const [some] = await evaluate(`${kind}-some`, { checks });
    expect(some!.verdict).toBe('not tested');
    expect(some!.why).toMatch(/only 1 of 2 runs have/);
    expect(some!.why).toContain(words);
  });

  const sides = {
    a: { method: 'commit', regulariser: { kind: 'commit' }, rates: equal },
    b: { method: 'commit-clr', rates: equal },
  };
  const acted: Partial<Claim> = { needs: { ...base.needs, ...sides }, checks: [{ kind: 'acted', atLeast: 1.05 }] };

  test.each([
    ['acted', 1.1e-3, 2e-4, 'supported'],
    ['short', 1.04e-3, 2e-4, 'not tested'],
    ['idle', 1.1e-3, 1e-4, 'not tested'],
  ])('a regulariser that %s', async (name, step, d, verdict) => {
    for (const seed of [1, 2]) {
      writeKnown(`check-${name}`, 'commit', seed, { choice: 0.7 + seed / 1000, step, d });
      writeKnown(`check-${name}`, 'commit-clr', seed, { choice: 0.5 });
    }
    const stronger = { method: 'commit', regulariser: { kind: 'commit', lambda: 0.3 }, rates: equal };
    const [found, other] = await evaluate(`check-${name}`, acted, { needs: { ...base.needs, ...sides, a: stronger } });
    expect(other!.verdict).toBe('not evaluable'); // another weight is another method
    expect(found!.estimate!.value).toBeCloseTo(0.2015, 10);
    expect(found!.verdict).toBe(verdict);
    if (verdict === 'not tested') {
      expect(found!.p).toBeNull();
      expect(found!.why).toContain('steps are not 5 % longer with larger divergences');
    }
  });

  test('another claim', async () => {
    for (const seed of [1, 2, 3]) {
      writeKnown('gate', 'commit-clr', seed, { choice: 0.6 + seed / 1000 });
      writeKnown('gate', 'constant', seed, { choice: 0.5 });
    }
    const [good, bad] = await evaluate(
      'gate',
      { checks: [{ kind: 'supported', claim: 'gain' }] },
      { id: 'loss', checks: [{ kind: 'supported', claim: 'no-gain' }] },
      { id: 'gain' },
      { id: 'no-gain', rule: { kind: 'below', margin: 0, level: 0.95 } },
    );
    expect(good!.verdict).toBe('supported');
    expect(bad).toMatchObject({ verdict: 'not tested', why: 'claim no-gain is contradicted here' });
  });

  // Half of the 20 steps are warm-up. Twice the backbone's base rate in them, once after: a mean factor of 1.5, and a
  // mean rate of (2 * 5.5 + 10) / 20 = 1.05 base rates; 1.5 throughout makes 1.5 * 15.5 / 20 = 1.1625 of them.
  const leading = (step: number) => (step <= 10 ? 2 : 1);
  test.each([
    ['alike', 1.5, undefined],
    ['apart', 1.45, 'mean factors of the backbone differ: 1.45, 1.50'],
  ])('mean factors of the run that is followed, without the warm-up: %s', async (name, factor, why) => {
    for (const seed of [2, 3, 4]) writeKnown(`yoked-${name}`, 'commit-clr', seed, { choice: 0.6, factor: leading });
    for (const seed of [1, 2, 3])
      writeKnown(`yoked-${name}`, 'yoked', seed, { choice: 0.5 + seed / 1000, factor: () => factor });
    const [found] = await evaluate(`yoked-${name}`, {
      needs: { ...base.needs, b: { method: 'yoked', rates: equal } },
      checks: [{ kind: 'sameRates', within: 0.02 }],
    });
    expect(found!.estimate).toMatchObject({ n: 2 });
    expect(found!.why).toBe(why ?? null);
    expect(found!.verdict).toBe(why === undefined ? 'supported' : 'not tested');
  });

  test('runs that follow none of the other side', async () => {
    const [found] = await evaluate('gate', { checks: [{ kind: 'sameRates', within: 0.01 }] });
    expect(found).toMatchObject({ verdict: 'not tested', why: 'no run follows one of the other side' });
  });
});

describe('a claim has turned', () => {
  const turned = (
    rule: Rule,
    here: [Evaluation['verdict'], number, number],
    there: [Evaluation['verdict'], number, number],
  ) =>
    hasTurned({
      claim: {
        ...base,
        rule,
        reference: { verdict: there[0], estimate: there[1], n: there[2], low: null, high: null, sd: null },
      },
      verdict: here[0],
      estimate: { value: here[1], n: here[2], error: null, degrees: 0, sd: null },
      low: null,
      high: null,
      p: null,
      corrected: null,
      why: null,
    });

  test('when one supports what the other contradicts, and not when either is undecided', () => {
    const rule: Rule = { kind: 'above', margin: 0, level: 0.95 };
    expect(turned(rule, ['contradicted', -1, 5], ['supported', 1, 5])).toBe(true);
    expect(turned(rule, ['supported', 1, 5], ['contradicted', -1, 5])).toBe(true);
    expect(turned(rule, ['undecided', 0, 5], ['supported', 1, 5])).toBe(false);
    expect(turned(rule, ['not tested', 0, 5], ['supported', 1, 5])).toBe(false);
  });

  test('a count only when it has more hits than the other leaves possible', () => {
    const rule: Rule = { kind: 'countZero', level: 0.95 };
    // no hit in 1,440 leaves .00208 possible; 2 of 4,000 is .0005, 40 of 4,000 is .01
    expect(turned(rule, ['supported', 0, 1440], ['contradicted', 0.0005, 4000])).toBe(false);
    expect(turned(rule, ['supported', 0, 1440], ['contradicted', 0.01, 4000])).toBe(true);
    expect(turned(rule, ['contradicted', 0.01, 100], ['supported', 0, 100])).toBe(false);
    expect(turned(rule, ['contradicted', 0.05, 100], ['supported', 0, 100])).toBe(true);
  });
});

describe('the command', () => {
  test('prints a table, says what is missing, and writes Markdown', async () => {
    const { out } = await commandOutput({ claims }, 'claims', 'paired');
    expect(out).toMatch(/^\d+ claims: \d+ not evaluable$/m);
    const need = 'bound-all-rates: not evaluable: needs 3 seeds of constant with duration.steps 200 (paper-rate-ratio)';
    expect(out).not.toContain(need);
    expect(out).toMatch(/^ {2}\d+ claims are about methods, rates or tasks of which there is no run here/m);
    const page = () => readFileSync(join(place.folder, 'figures', 'paired', 'claims.md'), 'utf8');
    expect(page()).not.toContain(need);
    expect((await commandOutput({ claims }, 'claims', 'paired', '--all')).out).toContain(need);
    expect(page()).toContain(`- ${need}`);
    const { out: json } = await commandOutput({ claims }, 'claims', 'paired', '--json');
    const { claims: found } = JSON.parse(json) as { claims: Evaluation[] };
    expect(found.map(({ claim }) => claim.id)).toEqual(allClaims(readClaims()).map(({ id }) => id));
  });
});

test('the committed references are what the committed runs say; else run: npx ts-node analysis/claims/writeReference.ts', async () => {
  const files = readClaims();
  const evaluations = await evaluateNamed(allClaims(files), folderBelow(join(projectRoot, 'results', 'reference')));
  for (const { path } of notEmpty(files)) {
    const text = readFileSync(path, 'utf8');
    expect(withReferences(text, evaluations)).toBe(text);
  }
  expect(evaluations.filter(hasTurned)).toEqual([]);
}, 120_000);
