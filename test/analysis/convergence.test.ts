/** Convergence, clipping and effects over several cells: by hand, and against statsmodels. */
import { describe, expect, test } from 'vitest';
import { cellEffects, equivalenceMargin, randomEffects } from '../../analysis/meta';
import { shareOf } from '../../analysis/tables/clipping';
import { convergenceRows, endOf, medianOf, stepsTo, type LossCurve } from '../../analysis/tables/convergence';
import { notEmpty } from '../../testing/lists';

describe('effects of several cells', () => {
  // statsmodels 0.14, combine_effects(effects, variances, method_re='dl'): mean_effect_re, sqrt(tau2), and Student's t
  // with k - 1 degrees of freedom times sqrt(var_hksj_re).
  const reference = [
    {
      effects: [0.01, -0.02, 0.05, 0.03],
      variances: [0.0004, 0.0001, 0.0009, 0.0002],
      wanted: {
        mean: 0.012650934587205107,
        tau: 0.027159939942171044,
        low: -0.034329900513394955,
        high: 0.05963176968780517,
        low90: -0.02209057205774355,
        high90: 0.04739244123215376,
      },
    },
    {
      effects: [0.3, 0.1, 0.02],
      variances: [0.001, 0.002, 0.0005],
      wanted: {
        mean: 0.13970996017249365,
        tau: 0.15865506160040582,
        low: -0.22055113311264113,
        high: 0.49997105345762843,
        low90: -0.1047804190490513,
        high90: 0.38420033939403864,
      },
    },
  ];

  test.each(reference)('agree with statsmodels: $effects', ({ effects, variances, wanted }) => {
    const found = randomEffects(effects.map((effect, i) => ({ effect, variance: variances[i]! })))!;
    for (const [name, value] of notEmpty(Object.entries(wanted)))
      expect(found[name as keyof typeof wanted], name).toBeCloseTo(value, 10);
  });

  test('that agree better than their variances say have no spread between them: by hand', () => {
    // weights 1 and 3: mean (0 + 3 * .04) / 4 = .03; q = (.03^2 + 3 * .01^2) / 1 = .0012; error = sqrt(.0012 / 4)
    const found = randomEffects([
      { effect: 0, variance: 1 },
      { effect: 0.04, variance: 1 / 3 },
    ])!;
    expect(found.tau).toBe(0);
    expect(found.mean).toBeCloseTo(0.03, 12);
    expect((found.high - found.mean) / Math.sqrt(0.0003)).toBeCloseTo(12.7062, 3); // Student's t, one degree of freedom
  });

  test('need two cells, and a cell two pairs', () => {
    expect(randomEffects([{ effect: 1, variance: 1 }])).toBeNull();
    expect(() => cellEffects([[0.1]])).toThrow(RangeError);
    // squares .02 (two degrees) and .02 (one): pooled variance .04 / 3
    const [first, second] = cellEffects([
      [0.1, 0.3, 0.2],
      [0, 0.2],
    ]);
    expect(first).toEqual({
      effect: expect.closeTo(0.2, 12) as number,
      variance: expect.closeTo(0.04 / 9, 12) as number,
    });
    expect(second).toEqual({
      effect: expect.closeTo(0.1, 12) as number,
      variance: expect.closeTo(0.04 / 6, 12) as number,
    });
    expect(equivalenceMargin({ low90: -0.03, high90: 0.01 })).toBe(0.03);
  });
});

describe('convergence', () => {
  const falling = Array.from({ length: 100 }, (_, i) => 1 - i / 100);

  test('steps to a target: the first mean of 20 losses at or below it, by hand', () => {
    // the mean of losses i-19..i (from 0) is 1 - (i - 9.5) / 100
    expect(stepsTo(falling, 0.5)).toBe(61);
    expect(stepsTo(falling, 0.905)).toBe(20);
    expect(stepsTo(falling, 0.05)).toBeNull();
    expect(stepsTo([3, 1], 2)).toBe(2);
    expect(endOf(falling)).toBeCloseTo(1 - 94.5 / 100, 12);
  });

  test('a run that never gets there counts as later than all others', () => {
    expect(medianOf([10, null, 20])).toBe(20);
    expect(medianOf([10, null, null])).toBeNull();
    expect(medianOf([10, 30])).toBe(20);
    expect(medianOf([10, null])).toBeNull();
  });

  test('is paired by seed with constant rates of the same task and setting', () => {
    const curve = (method: string, seed: number, shift: number, setting = 'a'): LossCurve => ({
      panel: 'p',
      setting,
      method,
      seed,
      losses: falling.map((loss) => loss + shift),
      secondsPerStep: 0.5,
    });
    const rows = convergenceRows([
      curve('constant', 1, 0),
      curve('constant', 2, 0.1),
      curve('commit-clr', 1, -0.195),
      curve('commit-clr', 2, -0.295),
      curve('commit-clr', 3, 9), // no constant rates of seed 3
      curve('commit-clr', 1, 0, 'alone'),
    ]);
    expect(rows.map(({ setting, method }) => [setting, method])).toEqual([
      ['a', 'constant'],
      ['a', 'commit-clr'],
    ]);
    const [constant, coordinated] = rows;
    expect([constant!.area, constant!.end, constant!.reached]).toEqual([0, 0, 0]); // 20 steps lag behind the last 10
    expect(coordinated).toMatchObject({ n: 2, reached: 2 });
    expect(coordinated!.area).toBeCloseTo(-0.295, 12); // differences -.195 and -.395
    expect(coordinated!.end).toBeCloseTo(-0.295, 12);
    // seed 1: target .055, reached where 1 - (i - 9.5) / 100 - .195 <= .055, i >= 84.5; seed 2: i >= 64.5
    expect(coordinated!.steps).toBe((86 + 66) / 2);
    expect(coordinated!.seconds).toBe((86 + 66) / 4);
  });
});

test('a share leaves out steps in which the module was frozen', () => {
  expect(shareOf([true, null, false, false])).toBeCloseTo(1 / 3, 12);
  expect(shareOf([null])).toBeNull();
});
