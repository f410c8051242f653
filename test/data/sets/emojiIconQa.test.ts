/**
 * EmojiIconQA on icons drawn here: same bytes twice, splits apart, balanced answers, hostile icons left out and
 * counted.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { countBy } from '../../../src/data/sets/checks';
import { answerSheets, contactSheet } from '../../../src/data/sets/contactSheet';
import { defaultOptions, emojiIconQaGenerator } from '../../../src/data/sets/emojiIconQa';
import { shownThings } from '../../../src/data/sets/emojiIconQa/categories';
import { drawLayout } from '../../../src/data/sets/emojiIconQa/picture';
import { codePoints } from '../../../src/data/sets/emojiIconQa/styles';
import type { SourceProvider } from '../../../src/data/sets/generator';
import { materialise, readCard, setFolder } from '../../../src/data/sets/store';
import type { DataSet } from '../../../src/data/types';
import { random } from '../../../src/random';
import { withCache } from '../../../testing/environment';
import { expectEvery, notEmpty } from '../../../testing/lists';
import { sharp } from '../../../testing/sharp';

const groups = ['Animals & Nature', 'Food & Drink', 'Travel & Places', 'Activities', 'Objects'];
/**
 * Ten good concepts (two a group), one that Noto draws from an address, one that OpenMoji lacks, one of another group.
 */
const emoji = [...'🐶🐱🍞🥚🚌🚢🎾🎫🔑🔔'].map((character, i) => ({
  character,
  name: `thing${'abcdefghij'[i]}`,
  group: groups[Math.floor(i / 2)]!,
}));
const hostile = { character: '🐴', name: 'horse', group: groups[0]! };
const missing = { character: '🐮', name: 'cow face', group: groups[0]! };
const flag = { character: '🏁', name: 'flag', group: 'Flags' };
const all = [...emoji, hostile, missing, flag];

const drawing = (i: number, style: number) =>
  `<rect x="${1 + (i % 5)}" y="${1 + style}" width="${9 + i}" height="${12 - style}" fill="#${'9bd'[style]}${(i * 3).toString(16).slice(-1)}0"/><circle cx="12" cy="${20 - style}" r="${2 + style}"/>`;
const svg = (body: string) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">${body}</svg>`;
const options = {
  ...defaultOptions,
  amounts: { train: 60, validation: 10, crossStyle: 20, inStyle: 10 },
  alignmentPictures: 2,
};
const generator = emojiIconQaGenerator(options, async () => (name) => name.split(' ').length);

const { folder } = withCache();
let set: DataSet;
const provider: SourceProvider = {
  identity: (name) => name,
  open: async (name) => ({ name, folder: join(folder, name), licence: `licence of ${name}` }),
};

beforeAll(async () => {
  for (const path of ['twemoji', 'openmoji/color/svg', 'noto-emoji', 'emoji-names', 'stories15m'])
    mkdirSync(join(folder, path), { recursive: true });
  all.forEach(({ character }, i) => {
    const point = codePoints(character).join('-');
    writeFileSync(join(folder, 'twemoji', `${point}.svg`), svg(drawing(i, 0)));
    if (character !== missing.character)
      writeFileSync(join(folder, 'openmoji/color/svg', `${point.toUpperCase()}.svg`), svg(drawing(i, 1)));
  });
  const body = (i: number) => (all[i] === hostile ? '<image href="https://example.org/horse.png"/>' : drawing(i, 2));
  writeFileSync(
    join(folder, 'noto-emoji/icons.json'),
    JSON.stringify({
      width: 24,
      height: 24,
      icons: Object.fromEntries(all.map(({ name }, i) => [name, { body: body(i) }])),
      aliases: { bell: { parent: 'thingj' } },
    }),
  );
  writeFileSync(
    join(folder, 'noto-emoji/chars.json'),
    JSON.stringify(
      Object.fromEntries(
        all.map(({ character, name }) => [codePoints(character).join('-'), name === 'thingj' ? 'bell' : name]),
      ),
    ),
  );
  writeFileSync(
    join(folder, 'emoji-names/data-by-emoji.json'),
    JSON.stringify(Object.fromEntries(all.map(({ character, name, group }) => [character, { name, group }]))),
  );
  set = await materialise(generator, provider);
});

describe('EmojiIconQA', () => {
  it('gives the same bytes in another cache', async () => {
    const first = setFolder(set.task, set.identity);
    process.env['EQUIPOISE_CACHE'] = join(folder, 'other cache');
    const again = await materialise(generator, provider);
    const second = setFolder(again.task, again.identity);
    process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
    const files = readdirSync(first, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(first.length))
      .sort();
    expect(files.length).toBe(set.media.size + 5);
    for (const file of notEmpty(files))
      expect(readFileSync(join(second, file)).equals(readFileSync(join(first, file))), file).toBe(true);
  });

  it('has other pictures for another seed', async () => {
    const other = await materialise(
      emojiIconQaGenerator({ ...options, seed: 2 }, async () => () => 1),
      provider,
    );
    expect(other.identity).not.toBe(set.identity);
    expect(other.items.map((item) => item.answer)).not.toEqual(set.items.map((item) => item.answer));
  });

  it('counts items by split and kind as asked', () => {
    expect(readCard(setFolder(set.task, set.identity)).counts.byCell).toEqual(
      Object.fromEntries(
        ['category', 'count', 'name'].flatMap((kind) => [
          [`evaluation/cross-style/${kind}`, 20],
          [`evaluation/in-style/${kind}`, 10],
          [`train/train/${kind}`, 60],
          [`validation/validation/${kind}`, 10],
        ]),
      ),
    );
  });

  it('shares no picture between splits and holds the evaluation style out of training', () => {
    const pictures = (split: string) =>
      new Set(
        set.items
          .filter((item) => item.split === split)
          .map((item) => readFileSync(set.media.get(item.media)!, 'base64')),
      );
    const [train, validation, evaluation] = [pictures('train'), pictures('validation'), pictures('evaluation')];
    for (const picture of notEmpty(validation)) expect(train.has(picture) || evaluation.has(picture)).toBe(false);
    for (const picture of notEmpty(evaluation)) expect(train.has(picture)).toBe(false);
    const lines = readFileSync(join(setFolder(set.task, set.identity), 'items.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { slice: string; origins: { source: string }[] });
    for (const { slice, origins } of notEmpty(lines))
      expect(origins[0]!.source === 'noto-emoji', slice).toBe(slice === 'cross-style');
  });

  it('balances answers within one and keeps their place in the choices free', () => {
    for (const split of ['train', 'validation', 'evaluation']) {
      for (const kind of ['name', 'count', 'category']) {
        const items = set.items.filter(
          (item) => item.kind === kind && item.split === split && item.slice !== 'in-style',
        );
        const counts = Object.values(countBy(items, (item) => item.answer));
        expect(Math.max(...counts) - Math.min(...counts), `${split} ${kind}`).toBeLessThanOrEqual(1);
      }
    }
    const places = Object.values(
      countBy(
        set.items.filter((item) => item.kind === 'name' && item.split === 'train'),
        (item) => String(item.choices.indexOf(item.answer)),
      ),
    );
    expect(places).toHaveLength(4);
    for (const count of notEmpty(places)) expect(count).toBeGreaterThan(4);
  });

  it('offers four names that differ, five numbers, five categories', () => {
    for (const item of notEmpty(set.items)) {
      expect(new Set(item.choices).size).toBe(item.kind === 'name' ? 4 : 5);
      expect(item.choices).toContain(item.answer);
      expect(item.media).toBe(item.id);
    }
    expectEvery(
      set.items.filter((item) => item.kind === 'count'),
      (item) => [...item.choices].sort().join() === 'five,four,one,three,two',
    );
  });

  it('writes square RGB pictures that hold as many icons as the answer says', async () => {
    for (const kind of ['name', 'count']) {
      const item = set.items.find((one) => one.kind === kind)!;
      expect(await sharp(set.media.get(item.media)!).metadata()).toMatchObject({
        format: 'png',
        width: 128,
        height: 128,
        channels: 3,
        depth: 'uchar',
      });
    }
    // Each drawing has one black disc: count the connected black regions.
    for (const item of notEmpty(set.items.filter((one) => one.kind === 'count').slice(0, 40))) {
      const { data } = await sharp(set.media.get(item.media)!).raw().toBuffer({ resolveWithObject: true });
      expect(['one', 'two', 'three', 'four', 'five'][regions(data) - 1], item.id).toBe(item.answer);
    }
  });

  it('leaves hostile and missing icons out, and says so', () => {
    const card = readCard(setFolder(set.task, set.identity));
    expect(card.skipped).toEqual({ 'noto-emoji: element that does not draw': 1, 'openmoji: no drawing': 1 });
    expect(card.notes).toMatchObject({ concepts: 10, singleTokenNames: 10 });
    expect(card.sources[0]).toEqual({ source: 'twemoji', licence: 'licence of twemoji' });
    expect(set.items.some((item) => item.choices.includes('horse') || item.choices.includes('flag'))).toBe(false);
  });

  it('aligns on names in the training styles', () => {
    expect(set.alignment).toHaveLength(10 * 2 * 2);
    expect(set.alignment[0]).toMatchObject({ kind: 'caption', prompt: 'What is it? It is' });
  });

  it('gives a contact sheet of the asked size', async () => {
    const sheet = await contactSheet(set, 8);
    expect(await sharp(sheet).metadata()).toMatchObject({ format: 'png', width: 1200, height: 312 });
    await expect(contactSheet({ ...set, modality: 'audio' })).rejects.toThrow(/sounds/);
  });

  it('gives a sheet of the pictures of every answer to a kind', async () => {
    const sheets = await answerSheets(set, 'category');
    expect([...sheets.keys()]).toEqual(['food', 'nature', 'object', 'sport', 'travel']);
    const asked = set.items.filter((item) => item.kind === 'category' && item.answer === 'food').length;
    expect(await sharp(sheets.get('food')!).metadata()).toMatchObject({
      format: 'png',
      width: 12 * 104,
      height: Math.ceil(asked / 12) * 124,
    });
    await expect(answerSheets(set, 'colour')).rejects.toThrow(
      /no questions of kind "colour"; expected category, count/,
    );
  });

  it('stops with a message when the names package has changed', async () => {
    const bad: SourceProvider = {
      identity: () => 'bad',
      open: async (name) => ({ name, licence: '', folder: join(folder, name === 'emoji-names' ? 'stories15m' : name) }),
    };
    await expect(materialise(generator, bad)).rejects.toThrow(
      /emoji-names data-by-emoji.json: it is missing or not JSON/,
    );
  });
});

describe('drawLayout', () => {
  it('keeps copies inside and apart', () => {
    for (let i = 0; i < 200; i++) {
      const { size, places } = drawLayout(random(1, 'test', i), 128, { least: 28, most: 40 }, 5, 200);
      for (const { x, y } of notEmpty(places)) expect(Math.min(x, y) >= 0 && Math.max(x, y) + size <= 128).toBe(true);
      const pairs = places.flatMap((one, a) => places.slice(a + 1).map((other) => [one, other] as const));
      for (const [one, other] of notEmpty(pairs))
        expect(Math.max(Math.abs(one.x - other.x), Math.abs(one.y - other.y))).toBeGreaterThanOrEqual(size);
    }
  });

  it('says so when they cannot fit', () => {
    expect(() => drawLayout(random(1, 'test'), 128, { least: 100, most: 100 }, 2, 200)).toThrow(RangeError);
  });
});

/** Connected regions of nearly black pixels in a 128 x 128 RGB picture (4-neighbours). */
function regions(pixels: Uint8Array): number {
  const black = (at: number) => pixels[at * 3]! + pixels[at * 3 + 1]! + pixels[at * 3 + 2]! < 60;
  const seen = new Set<number>();
  let found = 0;
  for (let start = 0; start < 128 * 128; start++) {
    if (seen.has(start) || !black(start)) continue;
    found++;
    const open = [start];
    while (open.length > 0) {
      const at = open.pop()!;
      if (seen.has(at) || !black(at)) continue;
      seen.add(at);
      const x = at % 128;
      for (const next of [x > 0 ? at - 1 : -1, x < 127 ? at + 1 : -1, at - 128, at + 128])
        if (next >= 0 && next < 128 * 128) open.push(next);
    }
  }
  return found;
}

describe('the categories of its second version', () => {
  const order = [
    ...['monkey face', 'rosette', 'leafless tree', 'grapes', 'ice', 'chopsticks', 'amphora', 'volcano'],
    ...['stadium', 'house', 'brick', 'tokyo tower', 'statue of liberty', 'church', 'synagogue', 'locomotive'],
    ...['kick scooter', 'skateboard', 'sailboat', 'small airplane', 'seat', 'helicopter', 'satellite'],
    ...['flying saucer', 'bellhop bell', 'luggage', 'mantelpiece clock', 'one o’clock', 'new moon', 'umbrella'],
    ...['water wave', 'fireworks', 'trophy', 'soccer ball', 'running shirt', 'curling stone', 'teddy bear'],
    ...['glasses', 'musical note', 'identification card'],
  ];
  const named = (names: readonly string[]) => names.map((name) => ({ emoji: '', name, group: '' }));

  it('are given to icons that show them, and to no other', () => {
    const categories = shownThings.of(named(order));
    const of = (...names: string[]) => names.map((name) => categories.get(name));
    expect(of('monkey face', 'new moon', 'water wave')).toEqual(['nature', 'nature', 'nature']);
    expect(of('grapes', 'chopsticks', 'house', 'kick scooter')).toEqual(['food', 'object', 'building', 'vehicle']);
    expect(of('soccer ball', 'curling stone')).toEqual(['sport', 'sport']);
    const without = ['rosette', 'volcano', 'brick', 'seat', 'satellite', 'one o’clock', 'umbrella', 'running shirt'];
    expect(of(...without, 'fireworks', 'trophy', 'teddy bear', 'musical note')).toEqual(Array(12).fill(undefined));
    expect(new Set(categories.values())).toEqual(new Set(shownThings.words));
  });

  it('stop when a name that bounds them is gone', () => {
    expect(() => shownThings.of(named(order.filter((name) => name !== 'soccer ball')))).toThrow(
      /no emoji is called "soccer ball"/,
    );
  });
});
