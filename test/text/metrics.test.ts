import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { captionScores, directAnswerAccuracy, normaliseVqaAnswer, vqaAccuracy } from '../../src/text/metrics';
import { bleu } from '../../src/text/metrics/bleu';
import { ciderD } from '../../src/text/metrics/ciderD';
import { loadStemmer, meteor } from '../../src/text/metrics/meteor';
import { rougeL } from '../../src/text/metrics/rougeL';
import { captionWords } from '../../src/text/metrics/words';
import { expectEvery, notEmpty } from '../../testing/lists';

interface Fixture {
  items: { candidate: string; references: string[]; ciderD: number; rougeL: number; meteor: number }[];
  bleu: number[];
  ciderD: number;
  normalised: { answer: string; normalised: string }[];
  soft: { prediction: string; answers: string[]; accuracy: number }[];
  stems: { word: string; stem: string }[];
}
/** Made by make_metrics.py beside it. */
const fixture = JSON.parse(
  readFileSync(join(__dirname, '..', 'fixtures', 'metrics', 'metrics.json'), 'utf8'),
) as Fixture;
const items = fixture.items.map(({ candidate, references }) => ({
  candidate: candidate.split(' '),
  references: references.map((text) => text.split(' ')),
}));
const words = (text: string) => text.split(' ');
let stem: (word: string) => string;
beforeAll(async () => {
  stem = await loadStemmer();
});

describe('against the published evaluation programs', () => {
  const near = (values: readonly number[], wanted: readonly number[]) => {
    expect(values).toHaveLength(wanted.length);
    for (const [i, value] of notEmpty(wanted.entries())) expect(values[i], String(i)).toBeCloseTo(value, 9);
  };
  it('BLEU-1 to BLEU-4', () => near(bleu(items), fixture.bleu));
  it('CIDEr-D of every caption', () =>
    near(
      ciderD(items),
      fixture.items.map((item) => item.ciderD),
    ));
  it('ROUGE-L of every caption', () =>
    near(
      items.map(rougeL),
      fixture.items.map((item) => item.rougeL),
    ));
  it('METEOR of every caption', () =>
    near(
      items.map((item) => meteor(item, stem)),
      fixture.items.map((item) => item.meteor),
    ));
  it('stems', () => {
    for (const { word, stem: wanted } of notEmpty(fixture.stems)) expect(stem(word), word).toBe(wanted);
  });
  it.each(fixture.normalised)('normalises $answer', ({ answer, normalised }) =>
    expect(normaliseVqaAnswer(answer)).toBe(normalised),
  );
  it('soft accuracy over ten annotators', () => {
    for (const { prediction, answers, accuracy } of notEmpty(fixture.soft))
      expect(vqaAccuracy(prediction, answers), prediction).toBeCloseTo(accuracy, 12);
  });
});

describe('by hand', () => {
  it('soft accuracy: one annotator .3, two .6, three .9, four 1', () => {
    const given = (matches: number) => Array.from({ length: 10 }, (_, i) => (i < matches ? 'cat' : `dog ${i}`));
    expect([0, 1, 2, 3, 4, 10].map((matches) => vqaAccuracy('Cat.', given(matches)))).toEqual(
      [0, 0.3, 0.6, 0.9, 1, 1].map((value) => expect.closeTo(value, 12)),
    );
  });
  it('direct answers count exact annotations, a third each', () => {
    expect(['a', 'b', 'c', 'A'].map((text) => directAnswerAccuracy(text, ['a', 'a', 'a', 'a', 'b', 'b']))).toEqual([
      1,
      2 / 3,
      0,
      0,
    ]);
  });
  it('BLEU clips repeated words and punishes short candidates', () => {
    // "the" occurs at most twice in one reference (the example of Papineni et al.): 2 of 7
    expect(
      bleu([
        {
          candidate: words('the the the the the the the'),
          references: [words('the cat is on the mat'), words('there is a cat on the mat')],
        },
      ])[0],
    ).toBeCloseTo(2 / 7, 6);
    expect(bleu([{ candidate: words('the cat'), references: [words('the cat is on')] }])[0]).toBeCloseTo(
      Math.exp(1 - 4 / 2),
      6,
    );
  });
  it('ROUGE-L of a subsequence', () => {
    // common subsequence "police the gunman": 3 of 4 words on both sides
    expect(
      rougeL({ candidate: words('police kill the gunman'), references: [words('police killed the gunman')] }),
    ).toBeCloseTo(0.75, 12);
  });
  it('METEOR of a perfect caption keeps the penalty of one chunk, and a stem counts as a match', () => {
    expect(
      meteor({ candidate: words('a dog barks loudly'), references: [words('a dog barks loudly')] }, stem),
    ).toBeCloseTo(1 - 0.5 / 64, 12);
    expect(meteor({ candidate: words('dogs'), references: [words('dog')] }, stem)).toBeCloseTo(0.5, 12);
  });
  it('captions become words', () => {
    expect(captionWords('A dog\'s barking, isn\'t it?  It costs 1,000 -- "loudly" (far away).')).toEqual([
      'a',
      'dog',
      "'s",
      'barking',
      'is',
      "n't",
      'it',
      'it',
      'costs',
      '1,000',
      'loudly',
      'far',
      'away',
    ]);
    expect(captionWords('')).toEqual([]);
  });
  it('an empty caption and an empty set score zero', async () => {
    const empty = await captionScores([
      { generated: '', references: ['a dog barks'] },
      { generated: 'rain', references: ['rain falls'] },
    ]);
    expectEvery(Object.values(empty), Number.isFinite);
    expect(await captionScores([])).toEqual({
      bleu1: 0,
      bleu2: 0,
      bleu3: 0,
      bleu4: 0,
      meteor: 0,
      rougeL: 0,
      ciderD: 0,
    });
  });
});
