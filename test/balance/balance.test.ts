import { describe, expect, it } from 'vitest';
import { progressBounds } from '../../src/balance/bounds';
import { divergenceFloor, divergencePairs, kappaOf } from '../../src/balance/kappa';
import { metricsOf, noMeasures, seenGradient } from '../../src/balance/measure';
import { regulariserWeights } from '../../src/balance/regulariser';
import { buildScheduler, schedulerFaults, type Decision, type Scheduler } from '../../src/balance/schedulers';
import { coordinatedFactors } from '../../src/balance/schedulers/commit';
import { pushWindow, windowStatistics } from '../../src/balance/window';
import { notEmpty } from '../../testing/lists';
import { schedulerOf } from '../../testing/specs';

describe('kappa', () => {
  it('is the ratio of the divergences', () => {
    expect(kappaOf(0.02, 0.005)).toEqual({
      dBackbone: 0.02,
      dEncoder: 0.005,
      kappa: 4,
      logKappa: Math.log(4),
      floor: false,
    });
  });

  it('clamps divergences below the floor, also negative ones, and says so', () => {
    const measured = kappaOf(1e-6, -3e-9);
    expect(measured.floor).toBe(true);
    expect(measured.dEncoder).toBe(divergenceFloor);
    expect(measured.kappa).toBeCloseTo(100, 9);
  });

  it('refuses divergences that are not finite', () => {
    expect(() => kappaOf(Number.NaN, 1)).toThrow(/finite/);
  });

  it('compares each moved state with the old one (a), or the joint new state with each reverted one (b)', () => {
    const states = { old: 'p00', backboneMoved: 'p10', encoderMoved: 'p01', moved: 'p11' };
    expect(divergencePairs('a', states)).toEqual({ backbone: ['p10', 'p00'], encoder: ['p01', 'p00'] });
    expect(divergencePairs('b', states)).toEqual({ backbone: ['p11', 'p01'], encoder: ['p11', 'p10'] });
    expect(() => divergencePairs('b', { old: 1, backboneMoved: 2, encoderMoved: 3 })).toThrow(/variant \(b\)/);
  });
});

describe('windows of log kappa', () => {
  it('average geometrically and count sign changes', () => {
    const statistics = windowStatistics([Math.log(4), -Math.log(4), Math.log(2)]);
    expect(statistics.average).toBeCloseTo(2 ** (1 / 3), 12);
    expect(statistics.bias).toBeCloseTo(Math.log(2) / 3, 12);
    expect(statistics.signChangeRate).toBe(1);
  });

  it('do not swing with one measure', () => {
    expect(windowStatistics([1.5])).toMatchObject({ bias: 1.5, oscillation: 0, signChangeRate: 0 });
    expect(() => windowStatistics([])).toThrow(RangeError);
  });

  it('drop their oldest value', () => {
    expect(pushWindow([1, 2, 3], 4, 3)).toEqual([2, 3, 4]);
  });
});

describe('bounds', () => {
  it('agree with the formula at hand-computed numbers', () => {
    // kappa 4 = .02 / .005, c = .1: 1 / (sqrt2 .1) = 7.0711; sqrt(.02 / 4) = .070711; sqrt(4 * .005) = .141421
    const bounds = progressBounds(4, 0.02, 0.005, 0.1);
    expect(bounds.encoder).toBeCloseTo(0.5, 6);
    expect(bounds.backbone).toBeCloseTo(1, 6);
  });

  it('cap the encoder when kappa is large and the backbone when it is small', () => {
    expect(progressBounds(100, 0.01, 0.0001, 0.5).encoder).toBeLessThan(progressBounds(1, 0.01, 0.01, 0.5).encoder);
    expect(progressBounds(0.01, 0.0001, 0.01, 0.5).backbone).toBeLessThan(progressBounds(1, 0.01, 0.01, 0.5).backbone);
  });

  it('hold for two-way distributions: |change of loss| <= the bound with c = the smallest label probability', () => {
    const kl = (p: number, q: number) => p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
    for (const old of [0.2, 0.5, 0.8]) {
      for (const moved of [0.25, 0.45, 0.7]) {
        // D_X / kappa is D_S: the encoder's bound is sqrt(D_S) / (sqrt2 c)
        expect(Math.abs(Math.log(moved) - Math.log(old))).toBeLessThanOrEqual(
          progressBounds(1, kl(moved, old), kl(moved, old), Math.min(old, moved)).encoder + 1e-12,
        );
      }
    }
  });
});

const decisions = (
  scheduler: Scheduler<unknown>,
  logKappas: number[][],
  steps = logKappas.length,
  gradientNorms: ({ encoder: number; backbone: number } | null)[] = [],
  followed: { encoder: number; backbone: number }[] | null = null,
  {
    warmup = 0,
    parameterNorms = [],
  }: { warmup?: number; parameterNorms?: { encoder: number; backbone: number }[] } = {},
): Decision[] => {
  let state = scheduler.initial;
  return logKappas.map((fresh, i) => {
    const next = scheduler.next(JSON.parse(JSON.stringify(state)), {
      step: i + 1,
      steps,
      logKappas: fresh,
      rate: { encoder: 3e-4, backbone: 3e-4 },
      followed,
      gradientNorm: gradientNorms[i] ?? null,
      parameterNorm: parameterNorms[i] ?? null,
      warmup,
    });
    state = next.state;
    return next.decision;
  });
};
const quiet = (count: number) => Array.from({ length: count }, () => [] as number[]);

describe('schedulers', () => {
  it('constant leaves both rates alone whatever kappa says', () => {
    for (const decision of notEmpty(decisions(buildScheduler(schedulerOf({ kind: 'constant' })), [[], [5], [-5]]))) {
      expect(decision).toEqual({ factor: { encoder: 1, backbone: 1 }, active: { encoder: true, backbone: true } });
    }
  });

  it('feature-cd trains the encoder alone, then alternates beginning with it', () => {
    const trained = decisions(buildScheduler(schedulerOf({ kind: 'feature-cd', warm: 0.5, period: 2 })), quiet(12)).map(
      ({ active }) => (active.encoder ? 'E' : '') + (active.backbone ? 'B' : ''),
    );
    expect(trained.join('')).toBe('EEEEEEEEBBEE');
  });

  it('language-cd mirrors it, and warm 1 trains only the named module', () => {
    const trained = (warm: number) =>
      decisions(buildScheduler(schedulerOf({ kind: 'language-cd', warm, period: 1 })), quiet(6))
        .map(({ active }) => (active.encoder ? 'E' : 'B'))
        .join('');
    expect(trained(0.5)).toBe('BBBBEB');
    expect(trained(1)).toBe('BBBBBB');
  });

  it('commit changes no rate at kappa = 1, for every rule', () => {
    for (const rule of ['symmetric', 'lagging', 'integral'] as const) {
      expect(
        coordinatedFactors({ rule, interval: 1, window: 1, exponent: 0.2, clip: 3 }, 1, { encoder: 1, backbone: 1 }),
      ).toEqual({ encoder: 1, backbone: 1 });
    }
  });

  it('commit follows the hand-computed factors of each rule', () => {
    const at = (rule: 'symmetric' | 'lagging' | 'integral', kappa: number, current = { encoder: 1, backbone: 1 }) =>
      coordinatedFactors({ rule, interval: 1, window: 1, exponent: 0.25, clip: 3 }, kappa, current);
    expect(at('symmetric', 16)).toEqual({ encoder: 2, backbone: 0.5 });
    expect(at('lagging', 16)).toEqual({ encoder: 2, backbone: 1 });
    expect(at('lagging', 1 / 16)).toEqual({ encoder: 1, backbone: 2 });
    expect(at('integral', 16, { encoder: 1.2, backbone: 0.8 })).toEqual({ encoder: 2.4, backbone: 0.4 });
    expect(at('symmetric', 1e9)).toEqual({ encoder: 3, backbone: 1 / 3 });
  });

  it('commit updates its rates only every `interval` steps, from the geometric mean of its window', () => {
    const scheduler = buildScheduler(
      schedulerOf({ kind: 'commit-clr', interval: 2, window: 2, exponent: 0.5, clip: 10 }),
    );
    const factors = decisions(scheduler, [[], [9, Math.log(2), Math.log(8)], [], [0]]).map(
      ({ factor }) => factor.encoder,
    );
    expect(factors[0]).toBe(1);
    expect(factors[1]).toBe(1); // step 2 is not due: due are steps 3, 5, ...
    expect(factors[2]).toBeCloseTo(2, 12); // window [2, 8]: mean 4, to the power 1/2
    expect(factors[3]).toBeCloseTo(2, 12);
  });

  it('warmup-cosine goes from 1 through the middle to its final factor, for both modules alike', () => {
    const factors = decisions(buildScheduler(schedulerOf({ kind: 'warmup-cosine', final: 0.2 })), quiet(5)).map(
      ({ factor }) => [factor.encoder, factor.backbone],
    );
    for (const [at, wanted] of [
      [0, 1],
      [2, 0.6],
      [4, 0.2],
    ] as const)
      for (const value of notEmpty(factors[at]!)) expect(value).toBeCloseTo(wanted, 12);
    expect(decisions(buildScheduler(schedulerOf({ kind: 'warmup-cosine' })), quiet(1))[0]!.factor).toEqual({
      encoder: 1,
      backbone: 1,
    });
  });

  it('warmup-cosine begins where warm-up ends, as transformers has it, when asked to', () => {
    // get_cosine_schedule_with_warmup(warmup 2, total 6) gives 1, (1 + cos(pi / 4)) / 2, 1/2, ... from its third step
    const spec = schedulerOf({ kind: 'warmup-cosine', begins: 'warmed' });
    const factors = decisions(buildScheduler(spec), quiet(6), 6, [], null, { warmup: 2 });
    const wanted = [1, 1, 1, 0.8535533905932737, 0.5, 0.14644660940672627];
    for (const [i, { factor }] of notEmpty(factors.entries())) expect(factor.encoder).toBeCloseTo(wanted[i]!, 12);
  });

  it('greedy trains the slower module alone once the speeds of learning have come apart, by hand', () => {
    // (1 / 10)^2 against (2 / 10)^2: .602 apart, the encoder is slower. Then .01 + .16 against .04 + .01: .53 apart,
    // the backbone is. Then .18 against .1725: .018 apart. What is seen of re-balancing steps does not count.
    const norms = [
      null,
      { encoder: 1, backbone: 2 },
      { encoder: 90, backbone: 1 },
      { encoder: 90, backbone: 1 },
      { encoder: 4, backbone: 1 },
      { encoder: 1, backbone: 90 },
      { encoder: 1, backbone: 90 },
      { encoder: 1, backbone: 3.5 },
    ];
    const parameterNorms = norms.map(() => ({ encoder: 10, backbone: 10 }));
    const trained = (warm: number) =>
      decisions(
        buildScheduler(schedulerOf({ kind: 'greedy', threshold: 0.3, rebalance: 2, warm })),
        quiet(8),
        8,
        norms,
        null,
        { parameterNorms },
      ).map(({ active }) => (active.encoder ? 'E' : '') + (active.backbone ? 'B' : ''));
    expect(trained(0)).toEqual(['EB', 'E', 'E', 'EB', 'B', 'B', 'EB', 'EB']);
    expect(trained(1)).toEqual(Array.from({ length: 8 }, () => 'EB'));
  });

  it('gradnorm slows the module whose gradient died away further, by a share of the way a step', () => {
    // The first norms give ratio 1 each; then the encoder's has fallen to a quarter: weights move towards 2 (1/4) /
    // (5/4) = 0.4 and 1.6.
    const norms = [null, { encoder: 4, backbone: 2 }, { encoder: 1, backbone: 2 }, { encoder: 1, backbone: 2 }];
    const factors = decisions(
      buildScheduler(schedulerOf({ kind: 'gradnorm', exponent: 1, rate: 0.5 })),
      quiet(4),
      4,
      norms,
    ).map(({ factor }) => factor.encoder);
    [1, 1, 0.7, 0.55].forEach((wanted, i) => expect(factors[i]).toBeCloseTo(wanted, 12));
    const dead = decisions(buildScheduler(schedulerOf({ kind: 'gradnorm', exponent: 1, rate: 0.5 })), quiet(3), 3, [
      null,
      { encoder: 0, backbone: 2 },
      { encoder: 1, backbone: 2 },
    ]);
    expect(dead.at(-1)!.factor).toEqual({ encoder: 1, backbone: 1 });
  });

  it('ogm-ge slows only the module that dominates, by the newest kappa', () => {
    const factors = decisions(buildScheduler(schedulerOf({ kind: 'ogm-ge', strength: 0.1 })), [
      [],
      [9, Math.log(4)],
      [],
      [Math.log(0.5)],
    ]).map(({ factor }) => factor);
    expect(factors[0]).toEqual({ encoder: 1, backbone: 1 });
    expect(factors[1]!.encoder).toBe(1);
    expect(factors[1]!.backbone).toBeCloseTo(1 - Math.tanh(0.4), 12);
    expect(factors[2]).toEqual(factors[1]);
    expect(factors[3]!.encoder).toBeCloseTo(1 - Math.tanh(0.2), 12);
    expect(factors[3]!.backbone).toBe(1);
  });

  it('ogm slows the module that dominates by the root of kappa, not below its least factor, and stops half-way', () => {
    const made = decisions(buildScheduler(schedulerOf({ kind: 'ogm', strength: 0.1, least: 0.1 })), [
      [],
      [9, Math.log(16)],
      [Math.log(1e6)],
      [Math.log(0.25)],
      [Math.log(16)],
      [],
      [],
      [],
    ]);
    const wanted = [
      [1, 1],
      [1, 1 - Math.tanh(0.4)],
      [1, 0.1],
      [1 - Math.tanh(0.2), 1],
      [1, 1],
    ];
    for (const [i, [encoder, backbone]] of notEmpty(wanted.entries())) {
      expect(made[i]!.factor.encoder).toBeCloseTo(encoder!, 12);
      expect(made[i]!.factor.backbone).toBeCloseTo(backbone!, 12);
    }
    expect(made.map(({ noise }) => noise !== false)).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('yoked takes the mean of the factors that it follows, or each in its turn, and no kappa', () => {
    const followed = [
      { encoder: 1, backbone: 1 },
      { encoder: 2, backbone: 0.5 },
      { encoder: 3, backbone: 0.3 },
    ];
    const factors = (form: 'mean' | 'replay') =>
      decisions(buildScheduler(schedulerOf({ kind: 'yoked', form })), [[], [9], [-9]], 3, [], followed).map(
        ({ factor }) => factor,
      );
    expect(factors('replay')).toEqual(followed);
    const mean = { encoder: 2, backbone: expect.closeTo(0.6, 12) as number };
    expect(factors('mean')).toEqual([mean, mean, mean]);
    const formula = schedulerOf({ kind: 'yoked-formula', encoder: 'exp(kappa)' });
    expect(decisions(buildScheduler(formula), [[], [9], [-9]], 3, [], followed).map(({ factor }) => factor)).toEqual(
      factors('mean'),
    );
    expect(schedulerFaults(formula)[0]?.what).toMatch(/at kappa = 1000000000000/); // no such run can be followed
    expect(() => decisions(buildScheduler(schedulerOf({ kind: 'yoked' })), quiet(1))).toThrow(
      /without the run that it follows/,
    );
  });

  describe('formula', () => {
    const kappas = [
      [],
      [],
      [],
      [],
      [],
      [Math.log(16)],
      [],
      [],
      [],
      [],
      [Math.log(4), Math.log(1e-3)],
      [],
      [],
      [],
      [],
      [3],
      [],
      [],
      [],
      [],
      [],
      [-7],
    ];
    const settings = { interval: 5, window: 5 };
    const clipped = (power: string, low = '1/c') => ({
      encoder: `min(max(average^${power}, ${low}), c)`,
      backbone: `min(max(average^(-${power}), ${low}), c)`,
    });

    it.each([
      ['symmetric', clipped('p')],
      ['lagging', clipped('p', '1')],
      [
        'integral',
        {
          encoder: 'min(max(factorEncoder * average^p, 1/c), c)',
          backbone: 'min(max(factorBackbone * average^(-p), 1/c), c)',
        },
      ],
    ] as const)('writes the built-in rule %s, to the bit', (rule, formulas) => {
      const built = schedulerOf({ kind: 'commit-clr', rule, exponent: 0.2, clip: 3, ...settings });
      const written = schedulerOf({ kind: 'formula', ...formulas, constants: { p: 0.2, c: 3 }, ...settings });
      const made = decisions(buildScheduler(written), kappas);
      expect(made).toEqual(decisions(buildScheduler(built), kappas));
      expect(new Set(made.map(({ factor }) => factor.encoder)).size).toBeGreaterThan(2);
    });

    it('writes the half cosine, which reads no kappa', () => {
      const half = '(1 + cos(pi * (step - 1) / (steps - 1))) / 2';
      const written = schedulerOf({ kind: 'formula', encoder: half, backbone: half, interval: 1 });
      const factors = decisions(buildScheduler(written), quiet(5)).map(({ factor }) => factor.encoder);
      const built = decisions(buildScheduler(schedulerOf({ kind: 'warmup-cosine' })), quiet(5));
      for (const [i, factor] of notEmpty(factors.entries())) expect(factor).toBeCloseTo(built[i]!.factor.encoder, 12);
    });

    it('carries states along: a moving average of log kappa, by hand', () => {
      const spec = schedulerOf({
        kind: 'formula',
        encoder: 'exp(m)',
        state: { m: { start: 0, next: 'm + half * (log(kappa) - m)' } },
        constants: { half: 0.5 },
        interval: 1,
      });
      const factors = decisions(buildScheduler(spec), [[], [Math.log(4)], [Math.log(16)]]).map(({ factor }) => factor);
      expect(factors.map(({ encoder }) => encoder)).toEqual([
        1,
        2,
        expect.closeTo(Math.exp(0.5 * Math.log(2) + 0.5 * Math.log(16)), 12),
      ]);
      expect(factors.map(({ backbone }) => backbone)).toEqual([1, 1, 1]);
    });

    it.each([
      ['1 +', 'encoder', /cannot be read/],
      ['kapa', 'encoder', /no symbol kapa; it may use kappa, average/],
      ['import("fs")', 'encoder', /no function import/],
      ['f(x) = x', 'encoder', /is not arithmetic/],
      ['a = 3', 'encoder', /is not arithmetic/],
      ['[1, 2]', 'encoder', /is not arithmetic/],
      ['kappa.constructor', 'encoder', /is not arithmetic/],
      ['"1"', 'encoder', /is not a number/],
      ['kappa > 1', 'encoder', /gives (true|false) instead of a number/],
      ['1 / (kappa - 1)', 'encoder', /at the first step it gives Infinity/],
      ['exp(kappa)', 'encoder', /at kappa = 1000000000000 .* it gives Infinity/],
      ['log(kappa)', 'encoder', /at kappa = 1e-12 .* it gives -/],
      ['gradientEncoder / gradientBackbone', 'encoder', /at the first step it gives NaN/],
    ])('is refused before the run where it cannot be used: %s', (text, option, message) => {
      const [fault] = schedulerFaults(schedulerOf({ kind: 'formula', encoder: text }));
      expect(fault?.option).toBe(option);
      expect(fault?.what).toMatch(message);
    });

    it('has names of its own, each once', () => {
      const faultOf = (given: object) => schedulerFaults(schedulerOf({ kind: 'formula', ...given }))[0]?.what;
      expect(faultOf({ constants: { kappa: 1 } })).toBe('the name kappa is taken');
      expect(faultOf({ constants: { m: 1 }, state: { m: { start: 0, next: '1' } } })).toBe('the name m is taken');
      expect(faultOf({ constants: { min: 1 } })).toBe('the name min is taken');
      expect(faultOf({ constants: { p: 1 } })).toBeUndefined();
    });

    it('that gives no factor later on ends the run with its step and its place', () => {
      const spec = schedulerOf({ kind: 'formula', backbone: 'sqrt(3 - step)', interval: 1 });
      expect(() => decisions(buildScheduler(spec), quiet(4))).toThrow(/scheduler.backbone: at step 4 it gives NaN/);
    });
  });

  it('symmetric is stable below p = 1/4 and rings above it, because kappa answers with slope 2', () => {
    const settle = (exponent: number) => {
      let factor = { encoder: 1, backbone: 1 };
      const trace: number[] = [];
      for (let i = 0; i < 60; i++) {
        const kappa = 50 * (factor.backbone / factor.encoder) ** 2;
        factor = coordinatedFactors({ rule: 'symmetric', interval: 1, window: 1, exponent, clip: 1e6 }, kappa, factor);
        trace.push(Math.log(kappa));
      }
      return Math.abs(trace[59]! - trace[58]!);
    };
    expect(settle(0.2)).toBeLessThan(1e-4);
    expect(settle(0.3)).toBeGreaterThan(1);
  });
});

describe('metrics of a measured step', () => {
  const step = {
    dBackbone: 0.02,
    dEncoder: 0.005,
    smallestProbability: 0.1,
    meanProbability: 0.5,
    gradientNorm: { encoder: 2, backbone: 3 },
    parameterNorm: { encoder: 10, backbone: 20 },
    updateNorm: { encoder: 0.1, backbone: 0.4 },
    progress: { encoder: -0.05, backbone: -0.2 },
  };

  it('follow their definitions', () => {
    const { metrics } = metricsOf(step, seenGradient(noMeasures, { encoder: 4, backbone: 1 }), 5);
    expect(metrics.normalisedGradient).toEqual({ encoder: 0.5, backbone: 1 });
    expect(metrics.relativeGradient).toEqual({ encoder: 0.2, backbone: 0.15 });
    expect(metrics.updateRatio.encoder).toBeCloseTo(0.01, 12);
    expect(metrics.bound.encoder).toBeCloseTo(0.5, 6);
    expect(metrics.tightness.encoder).toBeCloseTo(0.1, 6);
    expect(metrics.scale.encoder).toBeCloseTo(0.1, 6);
    expect(metrics.diminishingIndex).toEqual({ encoder: 1, backbone: 1 });
  });

  it('measure the diminishing index against the first measured step', () => {
    const first = metricsOf(step, noMeasures, 5);
    const second = metricsOf({ ...step, gradientNorm: { encoder: 1, backbone: 3 } }, first.memory, 5);
    expect(second.metrics.diminishingIndex).toEqual({ encoder: 0.5, backbone: 1 });
    expect(second.metrics.normalisedGradient.encoder).toBe(0.5);
  });

  it('weigh the regulariser by the learning state', () => {
    expect(regulariserWeights(1)).toEqual({ encoder: 0.5, backbone: 0.5 });
    expect(regulariserWeights(3)).toEqual({ encoder: 0.75, backbone: 0.25 });
  });
});
