/** How methods choose their rates, and which runs are reported of them. */
import { describe, expect, test } from 'vitest';
import { choicesOf, edgeOf, type Trial } from '../../analysis/tables/chosenRates';

const trial = (method: string, seed: number, [encoder, backbone]: readonly [number, number], more = {}): Trial => ({
  id: `${method}-${seed}-${encoder}-${backbone}`,
  panel: 'sound-qa',
  ...{ method, seed, encoder, backbone },
  ...{ validation: 0.5, loss: 1, asked: Infinity, accuracy: 0.5 },
  ...more,
});
const [middle, below, above] = [
  [1e-3, 1e-3],
  [1e-3, 3e-4],
  [1e-3, 3e-3],
] as const;
const choosers = (method: string, best: readonly [number, number], asked = Infinity) =>
  [11, 12].flatMap((seed) =>
    [middle, below, above].map((pair) => trial(method, seed, pair, { validation: pair === best ? 0.7 : 0.5, asked })),
  );
const reports = (method: string, pair: readonly [number, number], seeds: readonly number[]) =>
  seeds.map((seed) => trial(method, seed, pair));
const reportedSeeds = (trials: readonly Trial[]) =>
  choicesOf(trials)?.methods.map(({ method, reported }) => [method, reported.map(({ seed }) => seed)]);

test('equal accuracies in another order of seeds are equal: the lower loss decides', () => {
  const counts = { lower: [134, 176, 108], higher: [130, 155, 133] };
  const of = (of: readonly number[], pair: readonly [number, number], loss: number) =>
    of.map((count, i) => trial('commit-clr', i + 1, pair, { validation: count / 240, loss }));
  const constant = [1, 2, 3].flatMap((seed) => [trial('constant', seed, middle), trial('constant', seed, below)]);
  for (const [first, second] of [
    [counts.lower, counts.higher],
    [counts.higher, counts.lower],
  ] as const) {
    const choices = choicesOf([...constant, ...of(first, middle, 2), ...of(second, below, 1)])!;
    expect(choices.methods.find(({ method }) => method === 'commit-clr')!.best[0]!.backbone).toBe(below[1]);
  }
});

test('an edge is one among the rates that were tried beside the other rate of the pair', () => {
  const best = [trial('constant', 1, [3e-4, 1e-4])];
  const tried = [...best, trial('constant', 1, [1e-4, 1e-4]), trial('constant', 1, [1e-3, 1e-4])];
  const beside = [trial('constant', 1, [3e-4, 3e-4]), trial('constant', 1, [1e-4, 3e-5])];
  // A smaller rate of the backbone was tried, but not beside this rate of the encoder.
  expect(edgeOf({ tried: [...tried, ...beside], best })).toBe('backbone');
  expect(edgeOf({ tried: [...tried, ...beside, trial('constant', 1, [3e-4, 3e-5])], best })).toBe('');
  expect(edgeOf({ tried: [...best, ...beside], best })).toBe('encoder, backbone');
});

describe('what is reported', () => {
  const both = [...choosers('constant', middle, 48), ...choosers('commit-clr', below, 48)];

  test('other seeds than chose, those that every method has at its pair', () => {
    const trials = [...both, ...reports('constant', middle, [1, 2, 3]), ...reports('commit-clr', below, [4, 3, 2])];
    expect(reportedSeeds(trials)).toEqual([
      ['constant', [2, 3]],
      ['commit-clr', [2, 3]],
    ]);
    expect(choicesOf(trials)!.others).toBe(true);
  });

  test('nothing while a method lacks them, where those that chose were asked less', () => {
    expect(choicesOf([...both, ...reports('constant', middle, [1, 2, 3])])).toBeNull();
  });

  test('the same seeds where none other ran and all were asked alike', () => {
    const choices = choicesOf([...choosers('constant', middle), ...choosers('commit-clr', below)])!;
    expect(choices.others).toBe(false);
    expect(choices.methods.map(({ reported }) => reported.map(({ seed }) => seed))).toEqual([
      [11, 12],
      [11, 12],
    ]);
  });

  test('a seed that lacks its other pairs and was asked less is not reported', () => {
    const trials = [
      ...both,
      trial('constant', 13, middle, { asked: 48 }),
      trial('commit-clr', 13, below, { asked: 48 }),
      ...reports('constant', middle, [1, 2]),
      ...reports('commit-clr', below, [1, 2]),
    ];
    expect(reportedSeeds(trials)).toEqual([
      ['constant', [1, 2]],
      ['commit-clr', [1, 2]],
    ]);
  });

  test('a pair that lacks a seed is left out and counted', () => {
    const trials = [
      ...choosers('constant', middle),
      ...choosers('commit-clr', below),
      trial('commit-clr', 11, [3e-3, 3e-3], { validation: 0.9 }),
    ];
    const choices = choicesOf(trials)!;
    expect(choices.incomplete).toBe(1);
    expect(choices.methods[1]!.best[0]!.backbone).toBe(below[1]);
  });

  test('nothing without constant rates, or where no method has two pairs', () => {
    expect(choicesOf([...choosers('commit-clr', below), ...choosers('commit', below)])).toBeNull();
    expect(choicesOf([...reports('constant', middle, [1, 2]), ...reports('commit-clr', below, [1, 2])])).toBeNull();
  });
});
