/** PicKnowQA and ReadQA on stand-in sources: same bytes twice, splits apart, balanced answers, WordNet heeded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { countBy, priorBaseline } from '../../../src/data/sets/checks';
import { openPhotographs } from '../../../src/data/sets/cifar10';
import type { SetGenerator, SourceProvider } from '../../../src/data/sets/generator';
import {
  defaultOptions as picKnowOptions,
  picKnowQaGenerator,
  second as secondPicKnow,
} from '../../../src/data/sets/picKnowQa';
import { divideStamps } from '../../../src/data/sets/picKnowQa/questions';
import { asShown, findStamps } from '../../../src/data/sets/picKnowQa/stamps';
import { openNouns } from '../../../src/text/wordnet';
import { defaultOptions as readOptions, readQaGenerator } from '../../../src/data/sets/readQa';
import { openDigits } from '../../../src/data/sets/readQa/mnist';
import { fonts, lengths } from '../../../src/data/sets/readQa/words';
import { materialise, setFolder } from '../../../src/data/sets/store';
import type { DataSet, Item } from '../../../src/data/types';
import { random } from '../../../src/random';
import { withCache } from '../../../testing/environment';
import { notEmpty } from '../../../testing/lists';
import {
  photographLabel,
  writeCifar,
  writeFonts,
  writeMnist,
  writeStamp,
  writeWordNet,
} from '../../../testing/setSources';
import { sharp } from '../../../testing/sharp';

const { folder } = withCache();
const provider: SourceProvider = {
  identity: (name) => name,
  open: async (name) => ({ name, folder: join(folder, name), licence: `licence of ${name}` }),
};
const source = (name: string) => ({ name, folder: join(folder, name), licence: '' });
const nouns: [string, string, string][] = [
  ['animals', 'animal', 'animal'],
  ['food/fruit', 'food', 'food'],
  ['plants', 'plant', 'plant'],
  ['vehicles', 'vehicle', 'vehicle'],
  ['clothes', 'clothes', 'clothing'],
  ['household', 'tool', 'instrumentality'],
];
const chains = [
  ['airplane', 'aircraft', 'vehicle'],
  ['car', 'motor vehicle', 'vehicle'],
  ['truck', 'motor vehicle'],
  ['cat', 'feline', 'animal'],
  ['dog', 'canine', 'animal'],
  ['deer', 'ruminant', 'animal'],
  ['frog', 'amphibian', 'animal'],
  ['horse', 'equine', 'animal'],
  ['ship', 'vessel', 'vehicle'],
  ['bird', 'animal'],
  ...nouns.flatMap(([, , root], c) =>
    Array.from({ length: 8 }, (_, i) => [`noun${'abcdef'[c]}${'abcdefgh'[i]}`, root]),
  ),
];
const smallPicKnow = {
  ...picKnowOptions,
  amounts: { train: 48, validation: 16, evaluation: 24 },
  alignment: { photographs: 20, stamps: 12 },
};
const generators: Record<string, SetGenerator> = {
  'pic-know-qa': picKnowQaGenerator(smallPicKnow),
  'read-qa': readQaGenerator({
    ...readOptions,
    amounts: { train: 36, validation: 12, evaluation: 24 },
    alignment: { words: 12, digits: 10 },
  }),
};
const sets: Record<string, DataSet> = {};
interface Line extends Item {
  origins: { source: string; file: string }[];
}
const linesOf = (set: DataSet) =>
  readFileSync(join(setFolder(set.task, set.identity), 'items.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

beforeAll(async () => {
  await writeCifar(join(folder, 'cifar10'));
  writeMnist(join(folder, 'mnist'), 2000);
  writeFonts(join(folder, 'reading-fonts'), Object.values(fonts).flat());
  writeWordNet(join(folder, 'wordnet'), chains);
  const stamps = join(folder, 'tuxpaint-stamps-default');
  for (const [c, [place]] of nouns.entries())
    for (let i = 0; i < 8; i++)
      await writeStamp(
        stamps,
        `${place}/picture${c}${i}`,
        `A noun${'abcdef'[c]}${'abcdefgh'[i]}.`,
        `rgb(${40 * c}, ${30 * i}, 90)`,
      );
  await writeStamp(stamps, 'animals/car', 'A car.', 'red');
  await writeStamp(stamps, 'animals/odd', 'Squeak, squeak!', 'blue');
  for (const [task, generator] of Object.entries(generators)) sets[task] = await materialise(generator, provider);
}, 120_000);

describe.each(Object.keys(generators))('%s', (task) => {
  it('gives the same bytes in another cache', async () => {
    process.env['EQUIPOISE_CACHE'] = join(folder, 'other cache');
    const again = await materialise(generators[task]!, provider);
    process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
    const set = sets[task]!;
    expect(again.items).toEqual(set.items);
    for (const [key, path] of notEmpty(set.media))
      expect(readFileSync(again.media.get(key)!).equals(readFileSync(path)), key).toBe(true);
  });

  it('balances answers within one in every split and kind', () => {
    const { items } = sets[task]!;
    for (const [cell, count] of notEmpty(Object.entries(countBy(items, (item) => `${item.split}/${item.kind}`)))) {
      const of = items.filter((item) => `${item.split}/${item.kind}` === cell);
      // Two digits together have a hundred answers: each digit for itself is balanced.
      const answers =
        of[0]!.kind === 'number'
          ? [0, 1].map((place) => countBy(of, (item) => item.answer.split(' ')[place]!))
          : [countBy(of, (item) => item.answer)];
      for (const counts of notEmpty(answers))
        expect(
          Math.max(...Object.values(counts)) - Math.min(...Object.values(counts)),
          `${cell} of ${count}`,
        ).toBeLessThanOrEqual(1);
    }
  });

  it('leaves a question-only baseline at chance', () => {
    const { chance, accuracy, total } = priorBaseline(sets[task]!.items, (item) => item.split === 'evaluation');
    expect(total).toBe(sets[task]!.items.filter((item) => item.split === 'evaluation').length);
    expect(Math.abs(accuracy - chance)).toBeLessThan(0.12);
  });

  it('takes evaluation photographs from the test file and uses no photograph twice', () => {
    const photographs = linesOf(sets[task]!).flatMap(({ split, origins }) =>
      origins.filter((origin) => origin.source === 'cifar10').map(({ file }) => ({ split, file })),
    );
    expect(new Set(photographs.map(({ file }) => file)).size).toBe(photographs.length);
    for (const { split, file } of notEmpty(photographs))
      expect(file.startsWith('test_batch.png'), file).toBe(split === 'evaluation');
  });

  it('writes opaque RGB pictures of 128 pixels', async () => {
    for (const [, path] of notEmpty([...sets[task]!.media].slice(0, 6)))
      expect(await sharp(path).metadata()).toMatchObject({ format: 'png', width: 128, height: 128, channels: 3 });
  });
});

describe('PicKnowQA', () => {
  it('asks what the photograph shows and what WordNet says', () => {
    for (const { kind, answer, origins, released } of notEmpty(linesOf(sets['pic-know-qa']!))) {
      if (kind === 'category') continue;
      const name = ['airplane', 'car', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'][
        photographLabel(Number(origins[0]!.file.split('#')[1]))
      ]!;
      if (kind === 'object') expect(answer).toBe(name);
      else expect(chains.find(([word]) => word === name)![1]).toBe(answer);
      expect(released!['rationale']).toBe(`${name}: gloss of ${name}`);
    }
  });

  it('keeps every noun of a stamp in one split', () => {
    const splitOf = new Map<unknown, string>();
    for (const { kind, split, released } of notEmpty(sets['pic-know-qa']!.items)) {
      if (kind !== 'category') continue;
      const noun = String(released!['rationale']).split(':')[0];
      expect(splitOf.get(noun) ?? split).toBe(split);
      splitOf.set(noun, split);
    }
  });

  it('uses a stamp only where WordNet and its folder agree', () => {
    const { stamps, skipped } = findStamps(source('tuxpaint-stamps-default'), openNouns(source('wordnet')));
    expect(stamps).toHaveLength(48);
    expect(skipped).toEqual({ 'stamp: WordNet does not confirm its category': 2 });
    expect(() =>
      divideStamps(
        stamps.filter(({ category }) => category !== 'plant'),
        { validation: 0.2, evaluation: 0.2 },
        1,
      ),
    ).toThrow('no stamp of plant');
  });

  it('says object for tool in its second version, and leaves out what does not show its category', async () => {
    const { stamps, skipped } = findStamps(source('tuxpaint-stamps-default'), openNouns(source('wordnet')), {
      ...asShown,
      leftOut: ['vehicles/picture30.png'],
    });
    expect(stamps).toHaveLength(47);
    expect(skipped['stamp: does not show its category']).toBe(1);
    const second = await materialise(picKnowQaGenerator(smallPicKnow, secondPicKnow), provider);
    const answers = second.items.filter(({ kind }) => kind === 'category').map(({ answer }) => answer);
    expect(new Set(answers)).toEqual(new Set(['animal', 'food', 'plant', 'vehicle', 'clothes', 'object']));
    expect(second.identity).not.toBe(sets['pic-know-qa']!.identity);
  });

  it('refuses a WordNet that says otherwise', async () => {
    const names = {
      ...provider,
      open: async (name: string) => ({
        name,
        folder: join(folder, name === 'wordnet' ? 'wrong wordnet' : name),
        licence: '',
      }),
    };
    writeWordNet(
      join(folder, 'wrong wordnet'),
      chains.map((chain) => (chain[0] === 'cat' ? ['cat', 'canine', 'animal'] : chain)),
    );
    process.env['EQUIPOISE_CACHE'] = join(folder, 'third cache');
    await expect(materialise(generators['pic-know-qa']!, names)).rejects.toThrow('cat is not exactly a kind of feline');
    process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
  });
});

describe('ReadQA', () => {
  it('keeps fonts and the words of letters apart between training, validation and evaluation', () => {
    const lines = linesOf(sets['read-qa']!);
    for (const { split, origins } of notEmpty(lines))
      for (const { source: from, file } of notEmpty(origins))
        if (from === 'reading-fonts') expect(fonts[split], file).toContain(file);
    const letters = Object.values(lengths).flatMap((byPart) => Object.values(byPart).flat());
    expect(new Set(letters).size).toBe(letters.length);
    for (const [answer, length] of [
      ['three', 3],
      ['five', 5],
      ['eight', 8],
    ] as const)
      expect(
        new Set(
          Object.values(lengths[answer])
            .flat()
            .map((word) => word.length),
        ),
      ).toEqual(new Set([length]));
    expect(new Set(Object.values(fonts).flat()).size).toBe(Object.values(fonts).flat().length);
  });

  it('evaluates on photographs, digits, fonts and words that the evaluation of version 1 did not have', async () => {
    const { classes } = await openPhotographs(source('cifar10'), 'test');
    const labels = Array.from(openDigits(source('mnist'), 't10k').labels);
    const digitPile = (value: number) =>
      random(1, `read-qa/digits/test/${value}`).shuffle([...labels.keys()].filter((index) => labels[index] === value));
    const evaluated = linesOf(sets['read-qa']!).filter(({ split }) => split === 'evaluation');
    const used = (from: string) =>
      evaluated.flatMap(({ origins }) =>
        origins.filter((origin) => origin.source === from).map(({ file }) => Number(file.split('#')[1])),
      );
    for (let value = 0; value < 10; value++) {
      const found = used('mnist').filter((index) => labels[index] === value);
      expect(new Set(found), `digit ${value}`).toEqual(new Set(digitPile(value).slice(0, found.length)));
    }
    expect(
      Object.values(lengths)
        .flatMap(({ evaluation }) => evaluation)
        .filter((word) =>
          'ant bee cow fox hen sky cloud dream eagle ghost horse light baseball calendar dinosaur exercise football gardener'.includes(
            word,
          ),
        ),
    ).toEqual([]);
    expect(fonts.evaluation.filter((file) => /OpenSans|Ubuntu/.test(file))).toEqual([]);
    expect(used('cifar10')).toEqual(
      random(1, 'read-qa/photographs/test')
        .shuffle([...classes.keys()])
        .slice(0, evaluated.length),
    );
  });

  it('shows the digits that the answer names, left to right', () => {
    const words = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
    for (const { kind, answer, origins, split } of notEmpty(linesOf(sets['read-qa']!))) {
      const digits = origins
        .filter((origin) => origin.source === 'mnist')
        .map(({ file }) => words[Number(file.split('#')[1]) % 10]);
      if (kind === 'digit' || kind === 'number') expect(digits.join(' ')).toBe(answer);
      if (kind === 'digits') expect(words[digits.length]).toBe(answer);
      for (const { source: from, file } of notEmpty(origins))
        if (from === 'mnist') expect(file.includes('t10k')).toBe(split === 'evaluation');
    }
  });

  it('offers two digits in a square of choices, so that none stands out', () => {
    for (const { kind, choices } of notEmpty(sets['read-qa']!.items)) {
      if (kind !== 'number') continue;
      const [first, second] = [0, 1].map((place) =>
        Object.values(countBy(choices, (choice) => choice.split(' ')[place]!)),
      );
      expect([first, second]).toEqual([
        [2, 2],
        [2, 2],
      ]);
    }
  });
});

describe('sources of pictures', () => {
  it('are refused when they are not what they should be', async () => {
    const bad = join(folder, 'bad');
    writeMnist(bad, 3);
    writeFileSync(join(bad, 'data/train-images-idx3-ubyte'), Buffer.alloc(20));
    expect(() => openDigits({ name: 'mnist', folder: bad, licence: '' }, 'train')).toThrow(
      'begins with something else',
    );
    writeFileSync(
      join(bad, 'data_batch_1.png'),
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    );
    await expect(openPhotographs({ name: 'cifar10', folder: bad, licence: '' }, 'train')).rejects.toThrow(
      '8 x 8 pixels',
    );
    await expect(openPhotographs({ name: 'cifar10', folder: bad, licence: '' }, 'test')).rejects.toThrow(
      'missing or not a PNG',
    );
    writeFileSync(join(bad, 'x'), '');
    expect(() => openNouns({ name: 'wordnet', folder: bad })).toThrow('it is missing');
  });
});
