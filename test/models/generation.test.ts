/** Generation apart from models: distributions, determinism, stop strings, ends, limits, errors. */
import { describe, expect, it } from 'vitest';
import { argmax, draw, penalised, sampledDistribution } from '../../src/models/generation/choose';
import type { Continuer, Prompt } from '../../src/models/generation/continuer';
import { generate, type GenerationOptions, type Strategy } from '../../src/models/generation/generate';
import { random } from '../../src/random';
import { notEmpty } from '../../testing/lists';

/**
 * A model that is a table: logits of what follows a token, whatever came before; text tokens are numbers 0 to V - 1.
 */
function chain(
  table: readonly (readonly number[])[],
  sizes: Partial<Pick<Continuer, 'prompts' | 'beams' | 'newTokens' | 'promptTokens' | 'context'>> = {},
): Continuer & { steps: number } {
  const { prompts = 2, beams = 1, newTokens = 64, promptTokens = 4, context = 1000 } = sizes;
  const rowsOf = (ids: readonly number[]) => Float32Array.from(ids.flatMap((id) => table[id]!));
  const continuer = {
    prompts,
    beams,
    newTokens,
    promptTokens,
    context,
    before: 3,
    steps: 0,
    begin: (given: readonly Prompt[]) =>
      Promise.resolve(rowsOf(Array.from({ length: prompts }, (_, i) => given[i]?.tokens.at(-1) ?? 0))),
    next({ ids, slot, positions }: Parameters<Continuer['next']>[0]) {
      expect(ids).toHaveLength(prompts * beams);
      expect(positions[0]).toBeLessThan(3 + promptTokens + newTokens);
      expect(slot).toBeLessThan(newTokens - 1);
      continuer.steps++;
      return Promise.resolve(rowsOf(ids));
    },
  };
  return continuer;
}

const prompt = (...tokens: number[]): Prompt => ({ features: new Float32Array(0), tokens });
const ln = Math.log;
const greedy: Strategy = { kind: 'greedy' };
const letters = (ids: number[]) => ids.map((id) => 'abcdefgh'[id]!).join('');
const run = (
  continuer: Continuer,
  prompts: Prompt[],
  options: Partial<GenerationOptions> = {},
  decode: (ids: number[]) => string = letters,
) => generate(continuer, prompts, decode, { strategy: greedy, newTokens: 5, ...options });

describe('the distribution that is sampled', () => {
  const probabilities = [0.1, 0.4, 0.05, 0.3, 0.15];
  const logits = probabilities.map(ln);
  it.each([
    ['nothing', {}, [0.1, 0.4, 0.05, 0.3, 0.15]],
    ['top-k', { topK: 2 }, [0, 4 / 7, 0, 3 / 7, 0]],
    ['top-k beyond the vocabulary', { topK: 9 }, [0.1, 0.4, 0.05, 0.3, 0.15]],
    ['top-p that two tokens reach', { topP: 0.7 - 1e-9 }, [0, 4 / 7, 0, 3 / 7, 0]],
    ['top-p that needs a third', { topP: 0.71 }, [0, 8 / 17, 0, 6 / 17, 3 / 17]],
    ['top-p below the first', { topP: 0.01 }, [0, 1, 0, 0, 0]],
    [
      'temperature 1/2: squares',
      { temperature: 0.5 },
      [0.01, 0.16, 0.0025, 0.09, 0.0225].map((value) => value / 0.285),
    ],
    // After the squares and top-3 (.16, .09, .0225 of .2725), .85 needs two of them.
    ['all three, in this order', { temperature: 0.5, topK: 3, topP: 0.85 }, [0, 16 / 25, 0, 9 / 25, 0]],
  ])('%s', (_name, filter, expected) => {
    const found = sampledDistribution(logits, filter);
    notEmpty(expected).forEach((value, id) => expect(found[id]).toBeCloseTo(value, 10));
  });

  it('keeps tokens that equal the k-th', () => {
    expect([...sampledDistribution([1, 2, 2, 0], { topK: 1 })].map((p) => Number(p.toFixed(12)))).toEqual([
      0, 0.5, 0.5, 0,
    ]);
  });

  it('is what sampling draws from: frequencies within five standard errors', () => {
    const filter = { temperature: 1.3, topK: 4, topP: 0.9 };
    const exact = sampledDistribution(logits, filter);
    const draws = 20_000;
    const counts = new Array<number>(5).fill(0);
    for (let i = 0; i < draws; i++) counts[draw(exact, random(1, 'draws', i).uniform())]!++;
    notEmpty(exact).forEach((p, id) => {
      if (p === 0) expect(counts[id]).toBe(0);
      else expect(Math.abs(counts[id]! / draws - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws));
    });
    expect(exact.filter((p) => p === 0)).toHaveLength(1);
  });

  it('draws the last kept token when rounding leaves a gap', () => {
    expect(draw(Float64Array.from([0.5, 0.4999999, 0]), 0.9999999999)).toBe(1);
  });
});

describe('a repetition penalty', () => {
  it('divides what is positive, multiplies what is negative, once for each token', () => {
    expect([...penalised(Float64Array.from([2, -2, 3, 4]), [0, 1, 1, 0, 77], 2)]).toEqual([1, -4, 3, 4]);
  });
});

describe('greedy', () => {
  // a -> b -> c -> a
  const circle = [
    [0, 9, 0],
    [0, 0, 9],
    [9, 0, 0],
  ];
  it('takes the first of the most probable tokens, and sums log p of the model itself', async () => {
    expect(argmax([1, 3, 3])).toBe(1);
    const [found] = await run(chain(circle), [prompt(0)], { repetitionPenalty: 1.5 });
    const each = 9 - Math.log(Math.exp(9) + 2);
    expect(found).toMatchObject({ tokens: [1, 2, 0, 1, 2], text: 'bcabc', finishReason: 'length' });
    expect(found!.logProbability).toBeCloseTo(5 * each, 10);
  });

  it('ends at an end token, which is among the tokens and not in the text; the model is asked no more', async () => {
    const continuer = chain(circle);
    expect(await run(continuer, [prompt(0), prompt(1)], { endTokens: [2, 7] })).toMatchObject([
      { tokens: [1, 2], text: 'b', finishReason: 'end' },
      { tokens: [2], text: '', finishReason: 'end' },
    ]);
    expect(continuer.steps).toBe(1);
  });

  it('one new token needs no step', async () => {
    const continuer = chain(circle, { newTokens: 1 });
    expect(await run(continuer, [prompt(0)], { newTokens: 1 })).toMatchObject([
      { tokens: [1], finishReason: 'length' },
    ]);
    expect(continuer.steps).toBe(0);
  });

  it('hands back any number of prompts in their order', async () => {
    const progress: string[] = [];
    const found = await run(
      chain(circle),
      [0, 1, 2, 0, 1].map((id) => prompt(id)),
      { newTokens: 2, onProgress: (done, total) => progress.push(`${done}/${total}`) },
    );
    expect(found.map(({ text }) => text)).toEqual(['bc', 'ca', 'ab', 'bc', 'ca']);
    expect(progress).toEqual(['2/5', '4/5', '5/5']);
    expect(await run(chain(circle), [])).toEqual([]);
  });

  it('says when logits are not finite', async () => {
    await expect(
      run(
        chain([
          [NaN, 0],
          [0, 0],
        ]),
        [prompt(0)],
      ),
    ).rejects.toThrow(/logits are not finite/);
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    await expect(
      run(chain(circle, { newTokens: 1e6, context: 1e7 }), [prompt(0)], { newTokens: 1e6, signal: stop.signal }),
    ).rejects.toThrow(/abort/i);
  });
});

describe('stop strings', () => {
  const circle = [
    [0, 9, 0],
    [0, 0, 9],
    [9, 0, 0],
  ];
  // one token is several letters, and one letter begins in a token and ends in the next
  const pieces = ['x##', '#USER: ', 'hello'];
  const decode = (ids: number[]) => ids.map((id) => pieces[id]!).join('');
  it.each([
    [['###'], [1, 2, 0, 1], '#USER: hellox'],
    [['llox#'], [1, 2, 0], '#USER: he'],
    [['lox', 'USER'], [1], '#'],
    [['#USER: h', 'ER'], [1], '#US'],
    [['never'], [1, 2, 0, 1, 2], '#USER: hellox###USER: hello'],
  ])('%j across tokens', async (stop, tokens, text) => {
    const [found] = await run(chain(circle), [prompt(0)], { stop }, decode);
    expect(found).toMatchObject({ tokens, text, finishReason: stop[0] === 'never' ? 'length' : 'stop' });
  });

  it('does not look at the prompt', async () => {
    expect(await run(chain(circle), [prompt(1, 2, 0)], { stop: ['x##'], newTokens: 2 }, decode)).toMatchObject([
      { finishReason: 'length' },
    ]);
  });

  it('ends beams, too', async () => {
    const [found] = await run(
      chain(circle, { beams: 2 }),
      [prompt(0)],
      { stop: ['###'], strategy: { kind: 'beam', beams: 2 } },
      decode,
    );
    expect(found).toMatchObject({ tokens: [1, 2, 0, 1], text: '#USER: hellox', finishReason: 'stop' });
  });
});

describe('beam search', () => {
  // From a: b (0.6) leads to low odds, c (0.4) to a sure thing; greedy takes b.
  const trap = [
    [-99, ln(0.6), ln(0.4), -99, -99, -99],
    [-99, -99, -99, ln(0.3), ln(0.4), ln(0.3)],
    [-99, -99, -99, -99, -99, 0],
    [-99, -99, -99, -99, -99, 0],
    [-99, -99, -99, -99, -99, 0],
    [-99, -99, -99, -99, -99, 0],
  ];
  it('finds what greedy misses', async () => {
    const options = { newTokens: 3, endTokens: [5] };
    expect(await run(chain(trap), [prompt(0)], options)).toMatchObject([{ tokens: [1, 4, 5] }]);
    const [found] = await run(chain(trap, { beams: 2 }), [prompt(0)], {
      ...options,
      strategy: { kind: 'beam', beams: 2 },
    });
    expect(found).toMatchObject({ tokens: [2, 5], text: 'c', finishReason: 'end' });
    expect(found!.logProbability).toBeCloseTo(ln(0.4), 6);
  });

  it('with as many beams as texts, finds the best of all texts', async () => {
    const source = random(2, 'table');
    const table = Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => 2 * source.normal()));
    const log = table.map((row) =>
      row.map((value) => value - ln(row.reduce((sum, other) => sum + Math.exp(other), 0))),
    );
    const texts = Array.from({ length: 64 }, (_, i) => [i >> 4, (i >> 2) & 3, i & 3]);
    const scoreOf = (text: number[]) => text.reduce((sum, id, i) => sum + log[i === 0 ? 0 : text[i - 1]!]![id]!, 0);
    const best = texts.reduce((a, b) => (scoreOf(b) > scoreOf(a) ? b : a));
    const [found] = await run(chain(table, { beams: 16 }), [prompt(0)], {
      newTokens: 3,
      strategy: { kind: 'beam', beams: 16 },
    });
    expect(found!.tokens).toEqual(best);
    expect(found!.logProbability).toBeCloseTo(scoreOf(best), 5);
  });

  it('a length penalty decides between short and long texts', async () => {
    // a: end at once (0.5), or b, b, b ... with 0.9 each after 0.5
    const table = [
      [-99, ln(0.45), ln(0.55)],
      [-99, ln(0.9), ln(0.1)],
      [0, 0, 0],
    ];
    const of = async (lengthPenalty: number) =>
      (
        await run(chain(table, { beams: 2 }), [prompt(0)], {
          newTokens: 4,
          endTokens: [2],
          strategy: { kind: 'beam', beams: 2, lengthPenalty, earlyStopping: 'never' },
        })
      )[0]!.tokens.length;
    expect(await of(0)).toBe(1);
    expect(await of(3)).toBe(4);
  });
});

describe('sampling', () => {
  const flat = Array.from({ length: 8 }, () => [0, 0, 0, 0, 0, 0, 0, 0]);
  const sample = (seed: number, keys: (string | undefined)[]) =>
    run(
      chain(flat),
      keys.map((key) => ({ ...prompt(0), ...(key === undefined ? {} : { key }) })),
      { strategy: { kind: 'sample', seed } },
    );
  it('is a function of seed, key and step', async () => {
    const [first, second, other] = [
      await sample(1, ['q', 'r']),
      await sample(1, ['q', 'r']),
      await sample(2, ['q', 'r']),
    ];
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
    expect(first[0]!.text).not.toBe(first[1]!.text);
    expect((await sample(1, ['r']))[0]).toEqual(first[1]);
    expect((await sample(1, [undefined, undefined]))[1]!.text).not.toBe((await sample(1, [undefined]))[0]!.text);
  });
});

describe('what is refused', () => {
  const continuer = chain(
    [
      [0, 1],
      [1, 0],
    ],
    { context: 20, promptTokens: 30, newTokens: 64 },
  );
  it('prompt and new tokens beyond the context, each prompt by its number', async () => {
    expect(await run(continuer, [prompt(...new Array<number>(12).fill(1))])).toHaveLength(1); // 3 + 12 + 5
    await expect(run(continuer, [prompt(1), prompt(...new Array<number>(13).fill(1))])).rejects.toThrow(
      /^prompt 1: 16 tokens, and 5 new ones; expected together at most the model's context of 20; ask for fewer/,
    );
    await expect(run(continuer, [prompt(1)], { newTokens: 17 })).rejects.toThrow(/prompt 0: 4 tokens, and 17 new ones/);
  });

  it('options that mean nothing, all at once', async () => {
    await expect(
      run(continuer, [], {
        newTokens: 0,
        stop: ['a', ''],
        endTokens: [-1],
        repetitionPenalty: 0,
        strategy: { kind: 'sample', seed: 1, temperature: 0, topK: 0.5, topP: 1.1 },
      }),
    ).rejects.toThrow(
      /newTokens: 0; .*\n.*endTokens\/0: -1.*\n.*stop\/1: "".*\n.*repetitionPenalty: 0.*\n.*temperature: 0; expected a number above 0\n.*topK: 0.5.*\n.*topP: 1.1; expected a number above 0, at most 1/,
    );
    await expect(run(continuer, [], { strategy: { kind: 'beam', beams: 0, lengthPenalty: NaN } })).rejects.toThrow(
      /beams: 0.*\n.*lengthPenalty: null/,
    );
  });

  it('a text longer than the programs take', async () => {
    await expect(
      run(
        chain([
          [0, 1],
          [1, 0],
        ]),
        [prompt(1, 1, 1, 1, 1)],
      ),
    ).rejects.toThrow(/prompt 0: 5 tokens of text; expected at most 4/);
  });
});
