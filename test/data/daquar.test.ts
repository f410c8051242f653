/** DAQUAR, read from small releases in its format: what becomes of it, and what is said of faults. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { define as baseline } from '../../src/cli/data/baseline';
import { loadSet } from '../../src/data';
import { questionOnlyAnswers } from '../../src/data/questionOnly';
import { pinTask } from '../../src/data/readers/recipe';
import { countBy } from '../../src/data/sets/checks';
import type { DataSet, Item } from '../../src/data/types';
import { UserError } from '../../src/problems';
import { commandOutput } from '../../testing/commandOutput';
import { withCache } from '../../testing/environment';
import { daquarPair, writeDaquar } from '../../testing/daquar';
import { expectEvery } from '../../testing/lists';
import { picture, put } from '../../testing/releases';

const place = withCache('test', (folder) => ({
  EQUIPOISE_DATA: join(folder, 'data'),
  EQUIPOISE_LOCKS: join(folder, 'locks'),
  EQUIPOISE_TASKS: join(folder, 'tasks'),
}));
const root = () => join(place.folder, 'data', 'daquar');

async function imported(task = 'daquar'): Promise<DataSet> {
  pinTask(task);
  return loadSet(task);
}

async function failure(work: () => Promise<unknown>): Promise<string> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

const only = (items: Item[], id: string): Item => items.find((item) => item.id === id)!;

describe('a sound release', () => {
  it('is asked in words, without the number of the picture; one answer may have several parts', async () => {
    await writeDaquar(root());
    const set = await imported();
    expect(set).toMatchObject({ task: 'daquar', modality: 'image', classes: [] });
    expect(set.items).toHaveLength(56);
    expect(only(set.items, 'daquar/image1/1')).toMatchObject({
      kind: 'several-parts',
      question: 'what is on the desk in the image?',
      prompt: 'Question: what is on the desk in the image? Answer:',
      answer: 'book, tape dispenser',
      references: ['book, tape dispenser'],
      choices: [],
      media: 'images/image1.jpg',
      released: { answer: ['book', 'tape_dispenser'] },
    });
    expect(only(set.items, 'daquar/image2/2')).toMatchObject({ kind: 'one-part', answer: '1' });
    expect(set.media.size).toBe(28);
  });

  it('keeps the published split by picture, and takes validation from whole training pictures, always the same', async () => {
    await writeDaquar(root());
    const set = await imported();
    const evaluated = set.items.filter(({ split }) => split === 'evaluation');
    expect(countBy(evaluated, ({ media }) => media)).toEqual(
      Object.fromEntries([25, 26, 27, 28].map((i) => [`images/image${i}.jpg`, 2])),
    );
    expectEvery(evaluated, ({ slice }) => slice === 'official-test');
    const splitsOf = new Map<string, Set<string>>();
    for (const { media, split } of set.items) splitsOf.set(media, (splitsOf.get(media) ?? new Set()).add(split));
    expectEvery([...splitsOf.values()], (found) => found.size === 1);
    expectEvery(
      set.items.filter(({ split }) => split === 'validation'),
      ({ slice }) => slice === 'divided',
    );
    // by hashes of the pictures' names, so that other pictures change nothing
    const validation = ({ items }: DataSet) =>
      Object.keys(
        countBy(
          items.filter(({ split }) => split === 'validation'),
          ({ media }) => media,
        ),
      );
    expect(validation(set)).toEqual(['images/image12.jpg', 'images/image16.jpg']);
  });

  it('is read with a byte order mark, carriage returns, empty lines, and the PNG of the publisher', async () => {
    await writeDaquar(root());
    const plain = await imported();
    rmSync(join(place.folder, 'locks'), { recursive: true });
    await writeDaquar(root(), { change: (text) => `\ufeff${text.replaceAll('\n', '\r\n')}\r\n\r\n` });
    expect((await imported()).items).toEqual(plain.items);
    rmSync(join(place.folder, 'locks'), { recursive: true });
    renameSync(join(root(), 'images'), join(root(), 'nyu_depth_images'));
    rmSync(join(root(), 'nyu_depth_images', 'image3.jpg'));
    put(root(), 'nyu_depth_images/image3.png', await picture([1, 2, 3], { format: 'png' }));
    expect(only((await imported()).items, 'daquar/image3/1').media).toBe('nyu_depth_images/image3.png');
  });

  it('asks a question as often as it is released, and says so', async () => {
    const again = daquarPair('image1', 'what is on the desk', 'book, tape_dispenser');
    await writeDaquar(root(), { extra: again + daquarPair('image1', 'what is on the desk', 'telephone') });
    const set = await imported();
    expect(['3', '4'].map((n) => only(set.items, `daquar/image1/${n}`).answer)).toEqual([
      'book, tape dispenser',
      'telephone',
    ]);
    expect(set.notices).toEqual([
      expect.stringMatching(/^daquar: 1 questions are released again with the same picture/),
    ]);
  });

  it('knows a picture that is named twice in its question, commas without a space, and _ at an end', async () => {
    await writeDaquar(root(), { extra: 'what is left of the image2 in this image2 ?\nlamp,wall__picture_\n' });
    expect(only((await imported()).items, 'daquar/image2/3')).toMatchObject({
      question: 'what is left of the image in this image?',
      answer: 'lamp, wall picture',
    });
  });

  it("takes the split of a question file, for a task of a user's own such as the 37 classes", async () => {
    const tasks = join(place.folder, 'tasks');
    put(
      tasks,
      'train37.txt',
      Array.from({ length: 9 }, (_, i) => daquarPair(`image${i}`, 'what is there', 'bed')).join(''),
    );
    put(tasks, 'test37.txt', daquarPair('image9', 'what is there', 'bed'));
    for (let i = 0; i < 10; i++) put(tasks, `rooms/image${i}.png`, await picture([i * 20, 9, 9], { format: 'png' }));
    const manifest = {
      name: 'daquar-37',
      about: 'a part',
      modality: 'image',
      format: 'daquar',
      questions: [
        { file: 'train37.txt', split: 'train' },
        { file: 'test37.txt', split: 'evaluation' },
      ],
      media: ['rooms'],
      license: 'none',
      citeAs: 'none',
      divide: { validation: 0 },
    };
    writeFileSync(join(tasks, 'daquar-37.json'), JSON.stringify(manifest));
    expect(countBy((await imported('daquar-37')).items, ({ split }) => split)).toEqual({ train: 9, evaluation: 1 });
    put(tasks, 'test37.txt', daquarPair('image3', 'what is there', 'bed'));
    expect(await failure(() => imported('daquar-37'))).toMatch(
      /test37\.txt:1: image3 is of the evaluation split here and of the train split in train37\.txt:7/,
    );
  });
});

// The small release has 28 * 4 = 112 lines before what a test adds.
describe('faults', () => {
  it.each([
    [
      'a question without an answer at the end',
      'what is in the image1 ?',
      /qa\.894\.raw\.txt:113: the question has no answer/,
    ],
    [
      'a missing answer, which shifts nothing',
      `what is in the image1 ?\n${daquarPair('image2', 'what', 'bed')}`,
      /:113: the question has no answer \(what is in the image1 \?\).*1 of 58 records are faulty/s,
    ],
    [
      'an empty answer',
      `what is in the image1 ?\n\n${daquarPair('image2', 'what', 'bed')}`,
      /:113: the question has no answer/,
    ],
    ['an answer without a question', 'bed\n', /:113: the line is neither a question nor its answer \(bed\)/],
    ['no picture', 'what is on the desk ?\nbed\n', /:113: the question names no picture \(what is on the desk \?\)/],
    ['part of a name', 'what is in myimage1 ?\nbed\n', /:113: the question names no picture/],
    ['two pictures', 'what is in the image1 and the image2 ?\nbed\n', /:113: the question names several pictures/],
    [
      'a picture of no split',
      daquarPair('image99', 'what', 'bed'),
      /:113: its picture is in no list of pictures of a split \(image99\)/,
    ],
    [
      'an unknown separator',
      daquarPair('image1', 'what', 'bed; lamp'),
      /:114: the answer has an unknown separator or sign \(bed; lamp; expected/,
    ],
    [
      'words that nothing joins',
      daquarPair('image1', 'what', 'bed lamp'),
      /:114: the answer has an unknown separator or sign \(bed lamp/,
    ],
    [
      'an empty part',
      daquarPair('image1', 'what', 'bed, , lamp'),
      /:114: a part of the answer is empty \(bed, , lamp\)/,
    ],
    ['a comma at the end', daquarPair('image1', 'what', 'bed,'), /:114: a part of the answer is empty/],
    [
      'endless parts',
      daquarPair('image1', 'what', Array(60).fill('a').join(', ')),
      /:114: too many parts of the answer \(60; at most 50\)/,
    ],
    ['an endless question', daquarPair('image1', `what ${'x'.repeat(3000)}`, 'bed'), /:113: the question is too long/],
  ])('%s is told with its line', async (_, extra, message) => {
    await writeDaquar(root(), { extra });
    expect(await failure(imported)).toMatch(message);
  });

  it('of the lists: a line that is no name, a name twice, a picture in both, an empty file', async () => {
    await writeDaquar(root(), { train: ['picture 7', 'image3'] });
    const message = await failure(imported);
    expect(message).toMatch(/train\.txt:25: the line names no picture \(picture 7\)/);
    expect(message).toMatch(
      /train\.txt:26: the picture in train\.txt is there twice \(image3; first in train\.txt:3\)/,
    );
    rmSync(join(place.folder, 'locks'), { recursive: true });
    await writeDaquar(root(), { test: ['image5'] });
    expect(await failure(imported)).toMatch(
      /test\.txt:5: image5 is of the evaluation split here and of the train split in train\.txt:5; expected every picture in one split/,
    );
    rmSync(join(place.folder, 'locks'), { recursive: true });
    put(root(), 'test.txt', '\n');
    expect(await failure(imported)).toMatch(/test\.txt: is empty; expected DAQUAR as released/);
  });

  it('of the pictures: one that is missing, one that is torn; and files that are not there', async () => {
    await writeDaquar(root());
    rmSync(join(root(), 'images/image4.jpg'));
    put(root(), 'images/image5.jpg', (await picture([9, 9, 9])).subarray(0, 300));
    const message = await failure(imported);
    expect(message).toMatch(/qa\.894\.raw\.txt:13: its picture is missing \(image4\.png\)/);
    expect(message).toMatch(/qa\.894\.raw\.txt:17: its picture /);
    expect(message).toMatch(/4 of 56 records are faulty/);
    rmSync(join(place.folder, 'locks'), { recursive: true });
    await writeDaquar(root());
    rmSync(join(root(), 'train.txt'));
    expect(await failure(imported)).toMatch(/train\.txt: there is no such file/);
  });
});

describe('the question-only baseline', () => {
  const item = (split: Item['split'], question: string, answer: string): Item => ({
    ...{ id: question + answer, split, kind: 'one-part', slice: split === 'train' ? 'train' : 'test' },
    ...{ media: 'm', prompt: question, question, answer, choices: [] },
  });
  const answer = questionOnlyAnswers([
    item('train', 'How many chairs are there?', '2'),
    item('train', 'how many chairs are there', '2'),
    item('train', 'how many chairs are there', '5'),
    item('train', 'how many beds are red', '1'),
    item('train', 'what is there', 'bed'),
    item('train', 'what is here', 'bed'),
    item('train', 'what is under the bed', 'shoe'),
    item('validation', 'how many beds are red', '9'),
  ]);

  it.each([
    ['how many chairs are there ?', '2'], // the same question
    ['how many beds are there ?', '1'], // begins as one
    ['how many lamps ?', '2'], // begins as four
    ['what is it ?', 'bed'],
    ['where ?', '2'], // of all; of equals the first of the alphabet
  ])('%s: %s', (question, guess) => {
    expect(answer(item('evaluation', question, 'x'))).toBe(guess);
  });

  it('answers nothing when nothing was learned', () => {
    expect(questionOnlyAnswers([])(item('evaluation', 'where?', 'x'))).toBe('');
  });

  it('is printed by `data baseline`, by slice and kind, in the metrics of the task', async () => {
    const tasks = join(place.folder, 'tasks');
    const lines = Array.from({ length: 12 }, (_, i) => ({
      image: `${i}.png`,
      question: i % 2 === 0 ? 'what is it?' : 'how many are there?',
      answer: i % 2 === 0 ? 'bed' : String(i),
      kind: i % 2 === 0 ? 'name' : 'count',
      split: i < 8 ? 'train' : 'evaluation',
    }));
    put(tasks, 'rooms.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    for (let i = 0; i < 12; i++) put(tasks, `rooms/${i}.png`, await picture([i * 20, 9, 9], { format: 'png' }));
    const manifest = {
      ...{ name: 'rooms', about: 'rooms', modality: 'image', format: 'jsonl', questions: [{ file: 'rooms.jsonl' }] },
      ...{ media: ['rooms'], license: 'none', citeAs: 'none', divide: { validation: 0 } },
    };
    writeFileSync(join(tasks, 'rooms.json'), JSON.stringify(manifest));
    const { out } = await commandOutput({ baseline }, 'data', 'baseline', 'rooms', '--json');
    expect(JSON.parse(out)).toEqual({
      format: 'equipoise-data-baseline-output/1',
      task: 'rooms',
      split: 'evaluation',
      rows: [
        { slice: 'evaluation', kind: 'count', n: 2, exact: 0, texts: {} },
        { slice: 'evaluation', kind: 'name', n: 2, exact: 1, texts: {} },
        { slice: 'all', kind: 'all', n: 4, exact: 0.5, texts: {} },
      ],
    });
    expect((await commandOutput({ baseline }, 'data', 'baseline', 'rooms')).out).toMatch(/all +all +4 +0\.500/);
    await expect(commandOutput({ baseline }, 'data', 'baseline', 'rooms', '--split', 'validation')).rejects.toThrow(
      /has no question with a free answer in the validation split/,
    );
  });
});
