/**
 * Small releases in exactly the published formats, written here from the formats' own descriptions; pictures and sounds
 * are drawn.
 */
import { DuckDBInstance } from '@duckdb/node-api';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sineWav, wav } from './sounds';
import { zip } from './zipFile';
import { sharp } from '../testing/sharp';

export type Colour = [number, number, number];

/** A plain picture with a dark bar, so that it is not one colour. */
export function picture(
  colour: Colour,
  { width = 40, height = 30, format = 'jpeg' as 'jpeg' | 'png' } = {},
): Promise<Buffer> {
  const [r, g, b] = colour;
  const bar = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="3" fill="#222"/></svg>`,
  );
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .composite([{ input: bar }])
    .toFormat(format, { quality: 95 })
    .toBuffer();
}

export function put(root: string, name: string, content: Buffer | string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
}

const colours: Colour[] = [
  [200, 40, 40],
  [40, 200, 40],
  [40, 40, 200],
  [200, 200, 40],
  [40, 200, 200],
  [200, 40, 200],
];

/** One TextVQA question; `answers` defaults to seven and three. */
export const textVqaQuestion = (id: number, image: string, set: string, over: object = {}): object => ({
  question_id: id,
  question: `what word is on sign ${id}?`,
  image_id: image,
  image_classes: ['Sign'],
  flickr_original_url: '',
  flickr_300k_url: '',
  image_width: 40,
  image_height: 30,
  question_tokens: ['what'],
  answers: [...Array.from({ length: 3 }, () => 'halt'), ...Array.from({ length: 7 }, () => 'stop')],
  set_name: set,
  ...over,
});

/** TextVQA 0.5.1: train has 40 pictures with a question each, val 4; OCR tokens of train. */
export async function writeTextVqa(root: string, { train = [] as object[], zipped = true } = {}): Promise<void> {
  const ids = Array.from({ length: 44 }, (_, i) => `${i.toString(16).padStart(2, '0')}aabbccddeeff`);
  const file = (data: object[], set: string) =>
    JSON.stringify({ dataset_type: set, dataset_name: 'textvqa', dataset_version: '0.5.1', data });
  put(
    root,
    'TextVQA_0.5.1_train.json',
    file([...ids.slice(0, 40).map((id, i) => textVqaQuestion(i, id, 'train')), ...train], 'train'),
  );
  put(
    root,
    'TextVQA_0.5.1_val.json',
    file(
      ids.slice(40).map((id, i) => textVqaQuestion(34602 + i, id, 'val')),
      'val',
    ),
  );
  put(
    root,
    'TextVQA_Rosetta_OCR_v0.2_train.json',
    JSON.stringify({
      data: ids
        .slice(0, 40)
        .map((image_id) => ({ image_id, ocr_tokens: ['STOP', image_id.slice(0, 2)], ocr_info: [] })),
    }),
  );
  const pictures = await Promise.all(
    ids.map(async (id, i) => ({
      name: `train_images/${id}.jpg`,
      content: await picture(colours[i % 6]!),
      deflate: false,
    })),
  );
  if (zipped) put(root, 'train_val_images.zip', zip([{ name: 'train_images/', content: '' }, ...pictures]));
  else for (const { name, content } of pictures) put(root, name, content);
}

/** TextVQA as Parquet on the hub: two training files of three rows, one validation file. */
export async function writeTextVqaHub(root: string): Promise<void> {
  mkdirSync(join(root, 'data'), { recursive: true });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    'create table rows (part varchar, image struct(bytes blob, path varchar), image_id varchar, question_id integer, question varchar, question_tokens varchar[], answers varchar[], ocr_tokens varchar[], set_name varchar)',
  );
  const rows = [
    ['train-00000-of-00002', 3],
    ['train-00001-of-00002', 30],
    ['validation-00000-of-00001', 2],
  ] as const;
  let id = 0;
  for (const [part, count] of rows) {
    for (let i = 0; i < count; i++, id++) {
      const bytes = await picture(colours[id % 6]!, { width: 40 + id });
      await connection.run(
        `insert into rows values ('${part}', {'bytes': from_hex('${bytes.toString('hex')}'), 'path': 'x.jpg'}, 'img${id}', ${id}, 'what word?', ['what', 'word'], ['stop','stop','stop','halt','stop','stop','stop','stop','stop','stop'], ['STOP'], 'x')`,
      );
    }
    await connection.run(
      `copy (select * exclude (part) from rows where part = '${part}' order by question_id) to '${join(root, 'data', `${part}.parquet`)}' (format parquet)`,
    );
  }
  connection.closeSync();
}

/**
 * IconQA: four problems of each sub-task in train, two in val and test; `layout` files holds a data.json each instead
 * of problems.json.
 */
export async function writeIconQa(root: string, { layout = 'problems' as 'problems' | 'files' } = {}): Promise<void> {
  const problems: Record<string, object> = {},
    splits: Record<string, string[]> = {};
  let id = 100;
  for (const split of ['train', 'val', 'test']) {
    for (const kind of ['choose_img', 'choose_txt', 'fill_in_blank']) {
      splits[`${kind}_${split}`] = [];
      for (let i = 0; i < (split === 'train' ? 4 : 2); i++, id++) {
        const folder = `iconqa_data/iconqa/${split}/${kind}/${id}`;
        const problem = {
          question: kind === 'fill_in_blank' ? 'How many ducks are there?' : `Which of these is it, number ${id}?`,
          grade: 'grade1',
          label: 'S.1',
          ques_type: kind,
          ...(kind === 'choose_img'
            ? { choices: ['choice_0.png', 'choice_1.png', 'choice_2.png'], answer: i % 3 }
            : kind === 'choose_txt'
              ? { choices: ['circle', 'square'], answer: i % 2 }
              : { answer: String(i + 1) }),
        };
        problems[id] = problem;
        splits[`${kind}_${split}`]!.push(String(id));
        put(root, `${folder}/image.png`, await picture(colours[id % 6]!, { format: 'png' }));
        if (kind === 'choose_img')
          for (const choice of [0, 1, 2])
            put(
              root,
              `${folder}/choice_${choice}.png`,
              await picture(colours[choice]!, { width: 20, height: 20, format: 'png' }),
            );
        if (layout === 'files') put(root, `${folder}/data.json`, JSON.stringify(problem));
      }
    }
  }
  if (layout === 'problems') {
    put(root, 'iconqa_data/problems.json', JSON.stringify(problems));
    put(root, 'iconqa_data/pid_splits.json', JSON.stringify(splits));
  }
}

/** One A-OKVQA question. */
export const aokVqaQuestion = (id: string, image: number, split: string, over: object = {}): object => ({
  split,
  image_id: image,
  question_id: id,
  question: 'What is the man by the bags awaiting?',
  choices: ['skateboarder', 'train', 'delivery', 'cab'],
  correct_choice_idx: 3,
  direct_answers: ['ride', 'ride', 'bus', 'taxi', 'travelling', 'traffic', 'taxi', 'cab', 'cab', 'cab'],
  difficult_direct_answer: false,
  rationales: ['A train would not be on the street.', 'b', 'c'],
  ...over,
});

/** A-OKVQA 1.0: 30 training questions on 30 pictures, three for validation of which one is difficult. */
export async function writeAokVqa(root: string, { train = [] as object[] } = {}): Promise<void> {
  put(
    root,
    'aokvqa_v1p0_train.json',
    JSON.stringify([...Array.from({ length: 30 }, (_, i) => aokVqaQuestion(`q${i}`, 299207 + i, 'train')), ...train]),
  );
  put(
    root,
    'aokvqa_v1p0_val.json',
    JSON.stringify([
      aokVqaQuestion('v0', 500000, 'val'),
      aokVqaQuestion('v1', 500001, 'val', { difficult_direct_answer: true }),
      aokVqaQuestion('v2', 500001, 'val', { question: 'Which?', correct_choice_idx: 0 }),
    ]),
  );
  for (let i = 0; i < 30; i++)
    put(root, `train2017/${String(299207 + i).padStart(12, '0')}.jpg`, await picture(colours[i % 6]!));
  put(
    root,
    'val2017.zip',
    zip(
      await Promise.all(
        [500000, 500001].map(async (id) => ({
          name: `val2017/${String(id).padStart(12, '0')}.jpg`,
          content: await picture(colours[1]!),
        })),
      ),
    ),
  );
}

const tone = (frequency: number, rate: number) => sineWav(frequency, { rate, seconds: 0.3 });

/**
 * ClothoAQA: four training recordings with a yes/no and a single-word question, one recording each for val and test;
 * `extra` lines go to train.
 */
export function writeClothoAqa(root: string, { extra = '', rate = 44_100 } = {}): void {
  const head = 'file_name,QuestionText,answer,confidence\r\n';
  const question = (file: string, text: string, answers: string[]) =>
    answers.map((answer, i) => `"${file}","${text}",${answer},${i === 0 ? 'maybe' : 'yes'}\r\n`).join('');
  const sound = (file: string) =>
    question(file, 'Is there rain, or wind?', ['yes', 'yes', 'no']) +
    question(file, 'What is heard?', ['Rain', 'rain', 'water']);
  const train = ['Street noise, 1.wav', 'b.wav', 'c.wav', 'd.wav'];
  put(
    root,
    'clotho_aqa_train.csv',
    head + train.map(sound).join('') + question('b.wav', 'Disputed?', ['one', 'two', 'three']) + extra,
  );
  put(root, 'clotho_aqa_val.csv', head + sound('v.wav'));
  put(root, 'clotho_aqa_test.csv', head + sound('t.wav'));
  put(
    root,
    'audio_files.zip',
    zip(
      [...train, 'v.wav', 't.wav'].map((name, i) => ({
        name: `audio_files/${name}`,
        content: tone(300 + 50 * i, rate),
      })),
    ),
  );
}

/** MACS: 24 recordings at 12 places, stereo at 48 kHz, in a zip archive as TAU Urban Acoustic Scenes has them. */
export function writeMacs(root: string, { extra = '' } = {}): void {
  const names = Array.from(
    { length: 24 },
    (_, i) => `${i % 2 === 0 ? 'park' : 'tram'}-lisbon-${1000 + (i >> 1)}-${40000 + i}-a.wav`,
  );
  const entry = (name: string, i: number) =>
    `- filename: ${name}\n  annotations:\n  - annotator_id: ${i}\n    sentence: "birds singing: and people talking"\n    tags:\n    - birds_singing\n    - adults_talking\n  - annotator_id: 7\n    sentence: a dog barks\n    tags:\n    - dog_barking\n`;
  put(root, 'MACS.yaml', `files:\n${names.map(entry).join('')}${extra}`);
  const stereo = (i: number) => {
    const part = Float32Array.from({ length: 9600 }, (_, t) => 0.4 * Math.sin((t * (i + 3)) / 40));
    return wav([part, part], 48_000);
  };
  put(
    root,
    'TAU-urban-acoustic-scenes-2019-development.audio.1.zip',
    zip(
      names.map((name, i) => ({
        name: `TAU-urban-acoustic-scenes-2019-development/audio/${name}`,
        content: stereo(i),
      })),
    ),
  );
}

/**
 * Song Describer: 20 tracks of 20 artists, the first with two captions, one caption outside the validated subset, one
 * that nobody judged.
 */
export function writeSongDescriber(root: string): void {
  const head =
    'caption_id,track_id,caption,is_valid_subset,familiarity,artist_id,album_id,path,duration,genre,instrument,mood/theme\n';
  const row = (i: number, caption: string, valid = 'True') =>
    `${i},${1000 + (i % 20)},"${caption}",${valid},2,artist_${i % 20},album_1,${String(i % 20).padStart(2, '0')}/${1000 + (i % 20)}.mp3,202.5,"['rock']","[]","[]"\n`;
  const rows = Array.from({ length: 20 }, (_, i) => row(i, `A calm song, with ""guitar"" ${i}`)).join('');
  put(
    root,
    'song_describer.csv',
    head +
      rows +
      row(20, 'Another caption\nover two lines') +
      row(21, 'Not validated', 'False') +
      row(22, 'Not judged', ''),
  );
  for (let i = 0; i < 20; i++)
    put(root, `audio/${String(i).padStart(2, '0')}/${1000 + i}.2min.mp3`, tone(200 + 20 * i, 16_000));
}
