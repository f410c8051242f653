/**
 * The published formats, read from small releases that helpers/releases.ts writes: what becomes of each, and what is
 * said of faults.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSound } from '../../src/data/audio';
import { pinTask } from '../../src/data/readers/recipe';
import { loadSet, setIdentity, setPath, setSources } from '../../src/data';
import { countBy } from '../../src/data/sets/checks';
import { readCard } from '../../src/data/sets/store';
import type { DataSet, Item } from '../../src/data/types';
import { exitCode, UserError } from '../../src/problems';
import { withCache } from '../../testing/environment';
import { expectEvery } from '../../testing/lists';
import {
  aokVqaQuestion,
  picture,
  put,
  textVqaQuestion,
  writeAokVqa,
  writeClothoAqa,
  writeIconQa,
  writeMacs,
  writeSongDescriber,
  writeTextVqa,
  writeTextVqaHub,
} from '../../testing/releases';
import { zip } from '../../testing/zipFile';
import { sharp } from '../../testing/sharp';

const place = withCache('test', (folder) => ({
  EQUIPOISE_DATA: join(folder, 'data'),
  EQUIPOISE_LOCKS: join(folder, 'locks'),
}));
const root = (task: string) => join(place.folder, 'data', task);

async function imported(task: string): Promise<DataSet> {
  pinTask(task);
  return loadSet(task);
}

async function failure(work: () => unknown): Promise<UserError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error('nothing was thrown');
}

const only = (items: Item[], id: string): Item => {
  const found = items.find((item) => item.id === id);
  if (found === undefined) throw new Error(`no item ${id}`);
  return found;
};

describe('TextVQA', () => {
  it('reads the JSON release with its pictures in a zip: most frequent answer, ten references, OCR tokens kept', async () => {
    await writeTextVqa(root('textvqa'));
    const set = await imported('textvqa');
    expect(set).toMatchObject({ task: 'textvqa', modality: 'image', classes: [] });
    expect(set.items).toHaveLength(44);
    const item = only(set.items, 'textvqa/0');
    expect(item).toMatchObject({
      kind: 'read',
      question: 'what word is on sign 0?',
      prompt: 'Question: what word is on sign 0? Answer:',
      answer: 'stop',
      choices: [],
      released: { ocr_tokens: ['STOP', '00'], image_id: '00aabbccddeeff' },
    });
    expect(item.references).toHaveLength(10);
    expect(item.references!.filter((answer) => answer === 'halt')).toHaveLength(3);
    // the official validation split is evaluated on; a share of the training pictures takes its place
    const evaluated = set.items.filter(({ split }) => split === 'evaluation');
    expect(evaluated.map(({ id, slice }) => [id, slice])).toEqual(
      [34602, 34603, 34604, 34605].map((id) => [`textvqa/${id}`, 'official-validation']),
    );
    expectEvery(
      set.items.filter(({ split }) => split === 'validation'),
      ({ slice }) => slice === 'divided',
    );
    expect(set.notices).toEqual([
      'textvqa: the OCR tokens of TextVQA_0.5.1_val.json (TextVQA_Rosetta_OCR_v0.2_val.json) are not there; no run trains on them',
    ]);
    const { data, info } = await sharp(set.media.get(item.media)!).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([128, 128, 3]);
    expect(
      [...data.subarray((64 * 128 + 64) * 3, (64 * 128 + 64) * 3 + 3)].map(
        (value, i) => Math.abs(value - [200, 40, 40][i]!) < 8,
      ),
    ).toEqual([true, true, true]);
    expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect(readCard(setPath('textvqa')).notes).toMatchObject({
      records: { read: 44, faulty: 0 },
      notVerified: expect.arrayContaining([expect.stringMatching(/sizes and hashes/)]),
    });
    expect(setSources('textvqa')).toEqual([]);
  });

  it('reads the same from folders, and from the Parquet files of the hub', async () => {
    await writeTextVqa(root('textvqa'), { zipped: false });
    expect((await imported('textvqa')).items).toHaveLength(44);
    rmSync(root('textvqa'), { recursive: true });
    rmSync(join(place.folder, 'locks'), { recursive: true });
    await writeTextVqaHub(root('textvqa'));
    const set = await imported('textvqa');
    expect(countBy(set.items, ({ split }) => (split === 'evaluation' ? split : 'train'))).toEqual({
      evaluation: 2,
      train: 33,
    });
    expect(only(set.items, 'textvqa/4')).toMatchObject({
      answer: 'stop',
      question: 'what word?',
      released: { ocr_tokens: ['STOP'], image_id: 'img4' },
    });
    expect(set.media.size).toBe(35);
    expect(existsSync(`${setPath('textvqa')}.building.scratch`)).toBe(false);
  });

  it('lists every faulty record with its number, and leaves them out only as far as the manifest tolerates', async () => {
    await writeTextVqa(root('textvqa'), {
      train: [
        textVqaQuestion(900, 'gone0000', 'train'),
        textVqaQuestion(901, '../etc/passwd', 'train'),
        textVqaQuestion(902, '00aabbccddeeff', 'train', { question: '  ' }),
        textVqaQuestion(903, '00aabbccddeeff', 'train', { answers: [] }),
        textVqaQuestion(904, '00aabbccddeeff', 'train', { answers: 'stop' }),
        'no object' as unknown as object,
        textVqaQuestion(906, '01aabbccddeeff', 'train', { question: 'x'.repeat(3000) }),
      ],
    });
    pinTask('textvqa');
    const error = await failure(() => loadSet('textvqa'));
    expect(error.code).toBe(exitCode.failed);
    expect(error.problems.map(({ where, what }) => `${where}: ${what}`)).toEqual(
      expect.arrayContaining([
        'textvqa TextVQA_0.5.1_train.json record 41: its picture is missing (train_images/gone0000.jpg)',
        'textvqa TextVQA_0.5.1_train.json record 42: the image_id is no safe name (../etc/passwd)',
        'textvqa TextVQA_0.5.1_train.json record 43: the question is empty',
        'textvqa TextVQA_0.5.1_train.json record 44: no answers ([])',
        'textvqa TextVQA_0.5.1_train.json record 45: answers are no list ("stop")',
        'textvqa TextVQA_0.5.1_train.json record 46: the record is no object',
        'textvqa TextVQA_0.5.1_train.json record 47: the question is too long (3000 characters; at most 2000)',
      ]),
    );
    expect(error.message).toMatch(/7 of 51 records are faulty.*at most 0 \(tolerance 0\)/);
    expect(
      readFileSync(join(place.folder, 'cache', 'problems', 'textvqa.txt'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(7);
    expect(existsSync(setPath('textvqa'))).toBe(false);
  });

  it('names the file of a release that is torn, and says what to fetch when nothing is there', async () => {
    await writeTextVqa(root('textvqa'));
    const file = join(root('textvqa'), 'TextVQA_0.5.1_train.json');
    writeFileSync(file, readFileSync(file).subarray(0, 3000));
    expect((await failure(() => imported('textvqa'))).message).toMatch(
      /^TextVQA_0\.5\.1_train\.json: is not JSON \(.*fetch it again$/,
    );
    const absent = await failure(() => setIdentity('iconqa'));
    expect(absent.code).toBe(exitCode.unavailable);
    expect(absent.message).toMatch(
      /none of its files is in .*iconqa.*iconqa_data\.zip from https:.*equipoise data import iconqa/,
    );
  });
});

describe('a lock', () => {
  it('pins the files at the first import, decides the identity without them, and refuses others later', async () => {
    writeClothoAqa(root('clotho-aqa'));
    expect((await failure(() => setIdentity('clotho-aqa'))).message).toMatch(
      /have not been read yet; run `equipoise data import clotho-aqa`/,
    );
    const set = await imported('clotho-aqa');
    const identity = setIdentity('clotho-aqa');
    expect(set.identity).toBe(identity);
    rmSync(root('clotho-aqa'), { recursive: true });
    expect(setIdentity('clotho-aqa')).toBe(identity);
    expect(await loadSet('clotho-aqa')).toEqual(set); // the cached set needs no release
    rmSync(setPath('clotho-aqa'), { recursive: true });
    writeClothoAqa(root('clotho-aqa'), { rate: 22_050 });
    const changed = await failure(() => loadSet('clotho-aqa'));
    expect(changed.message).toMatch(
      /audio_files\.zip: has 1 files, \d+ bytes, sha256 [0-9a-f]{64}; expected 1 files, .*--again/,
    );
    pinTask('clotho-aqa', true);
    expect(setIdentity('clotho-aqa')).not.toBe(identity);
    writeFileSync(join(place.folder, 'locks', 'clotho-aqa.json'), '{"places": [{"name": 3}]}');
    expect((await failure(() => setIdentity('clotho-aqa'))).message).toMatch(/is no lock of a published set/);
  });
});

describe('IconQA', () => {
  it.each(['problems', 'files'] as const)(
    'reads all three sub-tasks and the official splits from %s',
    async (layout) => {
      await writeIconQa(root('iconqa'), { layout });
      const set = await imported('iconqa');
      expect(countBy(set.items, ({ split, kind }) => `${split} ${kind}`)).toEqual({
        'evaluation choose_img': 2,
        'evaluation choose_txt': 2,
        'evaluation fill_in_blank': 2,
        'train choose_img': 4,
        'train choose_txt': 4,
        'train fill_in_blank': 4,
        'validation choose_img': 2,
        'validation choose_txt': 2,
        'validation fill_in_blank': 2,
      });
      expect(only(set.items, 'iconqa/choose_txt/105')).toMatchObject({
        answer: 'square',
        choices: ['circle', 'square'],
        released: { grade: 'grade1' },
      });
      expect(only(set.items, 'iconqa/choose_img/102')).toMatchObject({
        answer: 'third',
        choices: ['first', 'second', 'third'],
      });
      expect(only(set.items, 'iconqa/fill_in_blank/108')).toMatchObject({ answer: '1', choices: [] });
      // the choices stand under the picture from left to right: red, green, blue
      const { data } = await sharp([...set.media].find(([key]) => key.includes('choose_img/102/'))![1])
        .raw()
        .toBuffer({ resolveWithObject: true });
      const at = (x: number, y: number) => [...data.subarray((y * 128 + x) * 3, (y * 128 + x) * 3 + 3)];
      expect([at(21, 115), at(63, 115), at(105, 115)].map((rgb) => rgb.indexOf(Math.max(...rgb)))).toEqual([0, 1, 2]);
    },
  );

  it('notes an unknown answer and a missing picture of a choice', async () => {
    await writeIconQa(root('iconqa'));
    const file = join(root('iconqa'), 'iconqa_data', 'problems.json');
    const problems = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { answer: unknown }>;
    problems['104']!.answer = 7;
    writeFileSync(file, JSON.stringify(problems));
    rmSync(join(root('iconqa'), 'iconqa_data/iconqa/train/choose_img/101/choice_1.png'));
    const { message } = await failure(() => imported('iconqa'));
    expect(message).toMatch(/problems\.json 104: the answer is none of its choices \(answer 7 of 2 choices\)/);
    expect(message).toMatch(
      /problems\.json 101: its picture is missing \(iconqa\/train\/choose_img\/101\/choice_1\.png\)/,
    );
    expect(message).toMatch(/2 of 24 records are faulty/);
  });
});

describe('A-OKVQA', () => {
  it('asks each question as multiple choice and for a direct answer; difficult ones only as multiple choice when evaluated', async () => {
    await writeAokVqa(root('a-okvqa'));
    const set = await imported('a-okvqa');
    expect(only(set.items, 'a-okvqa/q0/multiple-choice')).toMatchObject({
      answer: 'cab',
      choices: ['skateboarder', 'train', 'delivery', 'cab'],
      released: { rationales: ['A train would not be on the street.', 'b', 'c'] },
    });
    const direct = only(set.items, 'a-okvqa/q0/direct-answer');
    expect(direct).toMatchObject({ answer: 'cab', choices: [], media: 'train2017/000000299207.jpg' });
    expect(direct.references).toHaveLength(10);
    expect(
      set.items
        .filter(({ split }) => split === 'evaluation')
        .map(({ id }) => id.slice(8))
        .sort(),
    ).toEqual([
      'v0/direct-answer',
      'v0/multiple-choice',
      'v1/multiple-choice',
      'v2/direct-answer',
      'v2/multiple-choice',
    ]);
    expect(set.items).toHaveLength(65);
  });

  it('notes a choice that is not there', async () => {
    await writeAokVqa(root('a-okvqa'), {
      train: [aokVqaQuestion('bad', 299207, 'train', { correct_choice_idx: 4 }), aokVqaQuestion('worse', -1, 'train')],
    });
    const { message } = await failure(() => imported('a-okvqa'));
    expect(message).toMatch(/aokvqa_v1p0_train\.json record 31: correct_choice_idx names no choice \(4 of 4 choices\)/);
    expect(message).toMatch(/record 32: no usable image_id/);
  });
});

describe('ClothoAQA', () => {
  it('makes one question of three annotators, and says how many have no majority', async () => {
    writeClothoAqa(root('clotho-aqa'));
    const set = await imported('clotho-aqa');
    expect(countBy(set.items, ({ split, kind }) => `${split} ${kind}`)).toEqual({
      'evaluation binary': 1,
      'evaluation single-word': 1,
      'train binary': 4,
      'train single-word': 4,
      'validation binary': 1,
      'validation single-word': 1,
    });
    const binary = set.items.find(
      ({ media, kind }) => media === 'audio_files.zip/audio_files/Street noise, 1.wav' && kind === 'binary',
    )!;
    expect(binary).toMatchObject({
      question: 'Is there rain, or wind?',
      answer: 'yes',
      choices: ['yes', 'no'],
      references: ['yes', 'yes', 'no'],
      released: { confidence: ['maybe', 'yes', 'yes'] },
    });
    expect(set.notices).toEqual(['clotho-aqa: 1 questions have no answer of the most annotators and are not asked']);
    expect((await readSound(set.media.get('audio_files.zip/audio_files/b.wav')!)).length).toBe(4800); // 0.3 s at 44.1 kHz, now at 16 kHz
  });

  it('names a wrong sampling rate, a missing recording and a broken line', async () => {
    writeClothoAqa(root('clotho-aqa'), {
      rate: 8000,
      extra: 'gone.wav,What?,a,yes\r\nonly,two\r\n"b.wav","What is heard?",,yes\r\n',
    });
    const { message } = await failure(() => imported('clotho-aqa'));
    expect(message).toMatch(
      /its sound cannot be used \(audio_files\.zip\/audio_files\/b\.wav: this sound has 8000 samples a second; expected 44100\)/,
    );
    const all = readFileSync(join(place.folder, 'cache', 'problems', 'clotho-aqa.txt'), 'utf8');
    expect(all).toMatch(/clotho_aqa_train\.csv:29: its sound is missing \(audio_files\/gone\.wav\)/);
    expect(all).toMatch(/clotho_aqa_train\.csv:30: the record has no form/);
    expect(all).toMatch(/clotho_aqa_train\.csv:31: the answer is empty/);
  });

  it('reads a file in Windows-1252 and says so; without its columns it is refused', async () => {
    writeClothoAqa(root('clotho-aqa'), { extra: '' });
    const file = join(root('clotho-aqa'), 'clotho_aqa_val.csv');
    writeFileSync(
      file,
      Buffer.concat([readFileSync(file), Buffer.from('v.wav,Is it a caf\xe9?,yes,yes\r\n', 'latin1')]),
    );
    const set = await imported('clotho-aqa');
    expect(set.items.some(({ question }) => question === 'Is it a café?')).toBe(true);
    expect(set.notices!.join()).toMatch(/clotho_aqa_val\.csv is not UTF-8 and was read as Windows-1252/);
    writeFileSync(file, 'file,question\na,b\n');
    pinTask('clotho-aqa', true);
    expect((await failure(() => loadSet('clotho-aqa'))).message).toMatch(
      /clotho_aqa_val\.csv: has no column file_name, QuestionText, answer, confidence/,
    );
  });
});

describe('MACS', () => {
  it('trains on every caption, evaluates with all as references, and never divides a place', async () => {
    writeMacs(root('macs'));
    const set = await imported('macs');
    const splits = new Map<string, Set<string>>();
    for (const { media, split } of set.items) {
      const at = media.split('/').at(-1)!.split('-').slice(0, 3).join('-');
      splits.set(at, (splits.get(at) ?? new Set()).add(split));
    }
    expect(splits.size).toBe((24 / 2) * 2);
    expectEvery([...splits.values()], (names) => names.size === 1);
    const train = set.items.filter(({ split }) => split === 'train'),
      rest = set.items.filter(({ split }) => split !== 'train');
    expect(new Set(train.map(({ answer }) => answer))).toEqual(
      new Set(['birds singing: and people talking', 'a dog barks']),
    );
    expectEvery(rest, ({ references, slice }) => references!.length === 2 && slice === 'divided');
    expect(train.length / 2 + rest.length).toBe(24);
    expect(rest[0]).toMatchObject({
      kind: 'caption',
      prompt: 'What do you hear?',
      released: { tags: [['birds_singing', 'adults_talking'], ['dog_barking']] },
    });
    expectEvery(set.alignment, (item) => item.kind === 'caption');
  });

  it('names an empty caption with its line, and a file that is no YAML', async () => {
    writeMacs(root('macs'), {
      extra:
        '- filename: park-lisbon-1000-40000-a.wav\n  annotations:\n  - annotator_id: 1\n    sentence: ""\n    tags: []\n- filename: x.wav\n- 3\n',
    });
    const { message } = await failure(() => imported('macs'));
    expect(message).toMatch(/MACS\.yaml:268: the caption is empty/);
    expect(message).toMatch(/MACS\.yaml:271: no annotations/);
    expect(message).toMatch(/MACS\.yaml:272: the record is no map/);
    put(root('macs'), 'MACS.yaml', 'files: [\n');
    pinTask('macs', true);
    expect((await failure(() => loadSet('macs'))).message).toMatch(/MACS\.yaml: is not YAML/);
  });
});

describe('Song Describer', () => {
  it('keeps the validated captions by track, divided by artist; a mistyped kind of media is judged by its content', async () => {
    writeSongDescriber(root('sdd')); // the .mp3 hold WAV: names say nothing
    const set = await imported('sdd');
    expect(new Set(set.items.map(({ media }) => media)).size).toBe(20);
    const two = set.items.filter(({ media }) => media === 'audio/00/1000.2min.mp3');
    expect(two[0]!.references).toEqual(['A calm song, with "guitar" 0', 'Another caption over two lines']);
    expect(set.items.filter(({ answer }) => ['Not validated', 'Not judged'].includes(answer))).toEqual([]);
    expect(new Set(set.items.map(({ split }) => split))).toEqual(new Set(['train', 'validation', 'evaluation']));
    expect(set.items.find(({ split }) => split === 'evaluation')!.released).toMatchObject({ duration: '202.5' });
  });
});

describe('hostile archives of a release', () => {
  it.each<[string, Parameters<typeof zip>[0], RegExp]>([
    [
      'leaves the folder',
      [{ name: '../../outside.jpg', content: 'x' }],
      /holds the name .*outside\.jpg.*could leave the folder/,
    ],
    ['is absolute', [{ name: '/etc/outside.jpg', content: 'x' }], /could leave the folder/],
    ['has a backslash', [{ name: '..\\outside.jpg', content: 'x' }], /could leave the folder/],
    [
      'comes twice',
      [
        { name: 'a.jpg', content: 'x' },
        { name: 'a.jpg', content: 'y' },
      ],
      /twice/,
    ],
  ])('a name that %s', async (_what, members, expected) => {
    await writeTextVqa(root('textvqa'));
    put(root('textvqa'), 'train_val_images.zip', zip(members));
    expect((await failure(() => imported('textvqa'))).message).toMatch(expected);
    expect(existsSync(join(place.folder, 'outside.jpg'))).toBe(false);
  });

  it('a link, a bomb and a false size are faults of their record alone; a torn archive is refused', async () => {
    await writeTextVqa(root('textvqa'), {
      train: ['link', 'bomb', 'liar'].map((id, i) => textVqaQuestion(900 + i, id, 'train')),
    });
    const good = await picture([1, 2, 3]);
    const archive = zip([
      { name: 'train_images/link.jpg', content: '/etc/passwd', mode: 0o120777 },
      { name: 'train_images/bomb.jpg', content: Buffer.alloc(80 * 2 ** 20) },
      { name: 'train_images/liar.jpg', content: Buffer.alloc(8 * 2 ** 20), size: 100 },
      { name: 'train_images/other.jpg', content: good },
    ]);
    expect(archive.length).toBeLessThan(200_000);
    put(root('textvqa'), 'train_val_images.zip', archive);
    const peak = process.memoryUsage().rss;
    await failure(() => imported('textvqa'));
    expect(process.memoryUsage().rss - peak).toBeLessThan(100 * 2 ** 20);
    const all = readFileSync(join(place.folder, 'cache', 'problems', 'textvqa.txt'), 'utf8');
    expect(all).toMatch(
      /record 41: its picture cannot be used \(.*train_images\/link\.jpg" is a link; expected a regular file\)/,
    );
    expect(all).toMatch(
      /record 42: its picture cannot be used \(.*bomb\.jpg" unpacks to 83886080 bytes; expected at most 67108864\)/,
    );
    expect(all).toMatch(/record 43: its picture cannot be used \(.*liar\.jpg" cannot be unpacked/);
    put(root('textvqa'), 'train_val_images.zip', archive.subarray(0, archive.length - 30));
    pinTask('textvqa', true);
    expect((await failure(() => loadSet('textvqa'))).message).toMatch(
      /train_val_images\.zip: cannot be read as a zip archive/,
    );
    expect(statSync(join(root('textvqa'), 'train_val_images.zip')).size).toBeGreaterThan(0);
  });
});
