/** The cache of generated sets: whole or absent, checked before it is kept, read back as it was. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCard, identityOf, materialise, setFolder } from '../../../src/data/sets/store';
import { findProblems, priorBaseline } from '../../../src/data/sets/checks';
import type { Generated, SetGenerator, SourceProvider } from '../../../src/data/sets/generator';
import type { Item } from '../../../src/data/types';
import { UserError } from '../../../src/problems';
import { withCache } from '../../../testing/environment';

const place = withCache('test');

const item = (id: string, over: Partial<Item> = {}): Item => ({
  id,
  split: 'train',
  kind: 'which',
  slice: 'train',
  media: id,
  prompt: 'What? A',
  answer: 'bird',
  choices: ['bird', 'dog'],
  ...over,
});
const provider: SourceProvider = {
  identity: (name) => `hash of ${name}`,
  open: async (name) => ({ name, folder: place.cache, licence: 'CC0' }),
};

/** A set of sounds with one file an item; `change` alters what is generated. */
function generator(change: (made: Generated) => void = () => undefined, calls: string[] = []): SetGenerator {
  return {
    task: 'tiny',
    modality: 'audio',
    version: '1',
    sources: ['clips'],
    options: { seed: 1 },
    async generate(source, target) {
      calls.push(source('clips').name);
      const items = [item('a'), item('b', { answer: 'dog' }), item('c', { split: 'evaluation', slice: 'new' })];
      const made: Generated = {
        items,
        alignment: [{ kind: 'classes', media: 'a', classes: ['bird'] }],
        classes: ['bird', 'dog'],
        media: items.map(({ id }) => ({
          key: id,
          file: `${id}.wav`,
          origins: [{ source: 'clips', file: `${id}.flac`, licence: 'CC0' }],
        })),
        skipped: { 'too long': 2 },
        notes: {},
      };
      for (const { id } of items) writeFileSync(join(target, `${id}.wav`), `sound ${id}`);
      change(made);
      return made;
    },
  };
}

describe('materialise', () => {
  it('generates once and reads the same set back', async () => {
    const calls: string[] = [];
    const first = await materialise(generator(undefined, calls), provider);
    const second = await materialise(generator(undefined, calls), provider);
    expect(calls).toEqual(['clips']);
    expect(second).toEqual(first);
    expect(first.items).toEqual([
      item('a'),
      item('b', { answer: 'dog' }),
      item('c', { split: 'evaluation', slice: 'new' }),
    ]);
    expect(first.sources).toEqual([{ source: 'clips', licence: 'CC0' }]);
    expect(readFileSync(first.media.get('b')!, 'utf8')).toBe('sound b');
    const folder = setFolder('tiny', first.identity);
    const lines = readFileSync(join(folder, 'items.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ id: 'a', origins: [{ source: 'clips', file: 'a.flac', licence: 'CC0' }] });
    expect(readCard(folder)).toMatchObject({
      skipped: { 'too long': 2 },
      counts: { bySplit: { train: 2, evaluation: 1 } },
      prior: { 'new/all': { accuracy: 0.5, chance: 0.5, total: 1 } },
    });
  });

  it('makes one set when two callers ask at once', async () => {
    const calls: string[] = [];
    const [a, b] = await Promise.all([
      materialise(generator(undefined, calls), provider),
      materialise(generator(undefined, calls), provider),
    ]);
    expect(calls).toHaveLength(1);
    expect(a).toEqual(b);
  });

  it('keeps nothing when the generator fails or a check does', async () => {
    const folder = setFolder('tiny', identityOf(generator(), provider));
    await expect(
      materialise(
        generator(() => {
          throw new Error('disk full');
        }),
        provider,
      ),
    ).rejects.toThrow('disk full');
    await expect(
      materialise(
        generator((made) => {
          made.items[0]!.answer = 'cow';
        }),
        provider,
      ),
    ).rejects.toThrow(/item a: the answer cow is not among its choices/);
    expect([existsSync(folder), existsSync(`${folder}.building`)]).toEqual([false, false]);
  });

  it('notices a changed index and a lost media file', async () => {
    const { identity, media } = await materialise(generator(), provider);
    const items = join(setFolder('tiny', identity), 'items.jsonl');
    const text = readFileSync(items, 'utf8');
    writeFileSync(items, text.replace('bird', 'bard'));
    await expect(materialise(generator(), provider)).rejects.toThrow(/items.jsonl has changed/);
    writeFileSync(items, text);
    rmSync(media.get('a')!);
    await expect(materialise(generator(), provider)).rejects.toThrow(UserError);
  });

  it('has another identity for another version, option or source', () => {
    const base = generator();
    const others = [
      { ...base, version: '2' },
      { ...base, options: { seed: 2 } },
      { ...base, task: 'other' },
    ];
    const identities = [base, ...others].map((one) => identityOf(one, provider));
    identities.push(identityOf(base, { identity: (name) => `new hash of ${name}` }));
    expect(new Set(identities).size).toBe(5);
    expect(identityOf(generator(), provider)).toBe(identities[0]);
  });
});

describe('findProblems', () => {
  const media = (...keys: string[]) => keys.map((key) => ({ key, sha256: `bytes of ${key}` }));
  const whats = (items: Item[], files = media('a', 'b')) =>
    findProblems(items, [], [], files).map((problem) => problem.what);

  it('accepts a sound set', () =>
    expect(whats([item('a'), item('b', { split: 'evaluation', slice: 'new' })])).toEqual([]));

  it('finds equal bytes on both sides of a split, under whatever key', () => {
    const same = [
      { key: 'a', sha256: 'x' },
      { key: 'b', sha256: 'x' },
    ];
    expect(whats([item('a'), item('b', { split: 'evaluation', slice: 'new', prompt: 'Other? A' })], same)).toEqual([
      'its media also occurs in split train',
    ]);
    expect(
      findProblems(
        [item('a', { split: 'validation', slice: 'validation' })],
        [{ kind: 'caption', media: 'b', prompt: 'p', answer: 'a' }],
        [],
        same,
      ),
    ).toHaveLength(1);
  });

  it('finds repeated questions, ids and choices, and texts with spaces', () => {
    expect(whats([item('a'), item('b', { media: 'a' })])).toEqual(['the same media is asked the same question twice']);
    expect(whats([item('a'), item('a', { media: 'b' })])).toEqual(['this id is used twice']);
    expect(whats([item('a', { choices: ['bird', 'bird'] })])).toEqual(['a choice is listed twice']);
    expect(whats([item('a', { answer: ' bird', choices: [] })])).toEqual(['text " bird"']);
    expect(whats([item('z')])).toEqual(['its media z does not exist']);
    expect(whats([item('a', { slice: 'new' })])).toHaveLength(1);
  });
});

describe('priorBaseline', () => {
  it('answers what is most frequent in training among the offered choices', () => {
    const train = [item('1'), item('2'), item('3', { answer: 'dog' }), item('4', { answer: 'cow', choices: [] })];
    const tested = [
      item('5'),
      item('6', { answer: 'dog' }),
      item('7', { answer: 'dog', choices: ['dog', 'cow'] }),
      item('8', { prompt: 'Never asked? A' }),
    ].map((one) => ({ ...one, split: 'evaluation' as const }));
    // right; wrong; a tie of two; a tie of two
    expect(priorBaseline([...train, ...tested], (one) => one.split === 'evaluation')).toEqual({
      chance: 0.5,
      accuracy: 0.5,
      total: 4,
    });
    expect(priorBaseline([...train, ...tested], (one) => one.id === '5').accuracy).toBe(1);
    expect(priorBaseline([...train, ...tested], (one) => one.id === '6').accuracy).toBe(0);
  });
});
