/**
 * TextVQA 0.5.1 (Singh et al., CVPR 2019). As released: `TextVQA_0.5.1_{train,val}.json`, an object whose `data` lists
 * {question_id, image_id, question, answers: ten texts, image_classes, set_name, ...}, and the pictures
 * `train_images/<image_id>.jpg` of train_val_images.zip; OCR tokens lie in `TextVQA_Rosetta_OCR_v0.2_{train,val}.json`
 * (`data`: {image_id, ocr_tokens}). On the hub (facebook/textvqa as Parquet, lmms-lab/textvqa): the same columns with
 * `image` {bytes, path} and `ocr_tokens` in each row, split by file name.
 */
import { isObject } from '../../json';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sha256 } from '../../files';
import { exitCode, userError } from '../../problems';
import { contentsOf, type ReleasedFile } from './files';
import { readJson, readJsonText } from './json';
import { isInside, shown } from './names';
import { readParquet } from './parquet';
import type { ReadContext, Reader } from './reader';
import {
  answeredSlice,
  longest,
  mostFrequent,
  nameOf,
  textOf,
  textListOf,
  type Problems,
  type ReleasedMedia,
  type ReleasedRecord,
} from './record';

type Split = { split: ReleasedRecord['split']; slice: string };

/** Reads the JSON release where its files are there, else the hub's Parquet files. */
export const readTextVqa: Reader = async (context) => {
  const { manifest, files } = context;
  const parquet = files.list().filter(({ name }) => /\.parquet$/i.test(name));
  if (manifest.questions.some(({ file }) => files.has(file))) return readRelease(context);
  if (parquet.length > 0) return readHub(context, shardsOf(context, parquet));
  throw userError(
    {
      where: files.root,
      what: 'neither layout of TextVQA is there',
      expected: `the JSON release (${manifest.questions.map(({ file }) => file).join(', ')}), or the hub's Parquet files in \`data/\`, in \`default/\` or in the folder itself (train-00000-of-00020.parquet, train-00000-of-00020-HASH.parquet, train/0000.parquet and so on, files or links into the hub's blobs)`,
      hint: [contentsOf(files.root), ...files.left.slice(0, 3).map(({ name, why }) => `${shown(name)} ${why}`)].join(
        '; ',
      ),
    },
    exitCode.unavailable,
  );
};

async function readRelease(context: ReadContext): Promise<ReleasedRecord[]> {
  const { manifest, files, problems } = context;
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    const content = await readJson(files, file, problems);
    const data = isObject(content) ? content['data'] : undefined;
    if (!Array.isArray(data))
      throw userError({ where: file, what: 'has no list `data`', expected: 'TextVQA 0.5.1 as released' });
    const tokens = await ocrTokens(context, file);
    data.forEach((entry: unknown, index) => {
      const place = `${file} record ${index + 1}`;
      if (!isObject(entry)) return void problems.add(place, 'the record is no object');
      const image = imageOf(entry['image_id'], place, problems);
      if (image === undefined) return undefined;
      const record = recordOf(
        context,
        place,
        entry,
        { split: split ?? null, slice: answeredSlice(split) },
        { id: image, media: { parts: [[`train_images/${image}.jpg`, `${image}.jpg`]] } },
        tokens.get(image),
      );
      if (record !== undefined) records.push(record);
    });
  }
  return records;
}

/** The name of a picture without its ending, exactly as stated; undefined after a fault was noted. */
function imageOf(stated: unknown, place: string, problems: Problems): string | undefined {
  const image = nameOf(stated, 'image_id', 300, place, problems);
  if (image === undefined || isInside(image)) return image;
  return void problems.add(place, 'the image_id is no safe name', shown(image));
}

function recordOf(
  { problems, ids }: ReadContext,
  place: string,
  entry: Record<string, unknown>,
  { split, slice }: Split,
  image: { id: string; media: ReleasedMedia },
  ocr: unknown,
): ReleasedRecord | undefined {
  const question = textOf(entry['question'], 'question', longest.question, place, problems);
  if (question === undefined) return undefined;
  // Some annotators left nothing: those are no answers, but the others are.
  const given: unknown = Array.isArray(entry['answers'])
    ? entry['answers'].filter((answer) => answer !== '')
    : entry['answers'];
  const references = textListOf(given, 'answers', longest.answer, place, problems);
  if (references === undefined) return undefined;
  const id = nameOf(entry['question_id'], 'question_id', 100, place, problems);
  if (id === undefined || !ids.claim('question_id', id, place)) return undefined;
  return {
    place,
    id: `textvqa/${id}`,
    split,
    slice,
    group: image.id,
    kind: 'read',
    media: image.media,
    question,
    references,
    choices: [],
    answer: mostFrequent(references)!.text,
    released: {
      image_id: image.id,
      ...(ocr === undefined ? {} : { ocr_tokens: ocr }),
      ...(entry['image_classes'] === undefined ? {} : { image_classes: entry['image_classes'] }),
    },
  };
}

/** OCR tokens by image, from the file beside the questions when it is there. */
async function ocrTokens({ files, problems }: ReadContext, questions: string): Promise<Map<string, unknown>> {
  const part = /_(train|val|test)\.json$/.exec(questions)?.[1];
  const name = `TextVQA_Rosetta_OCR_v0.2_${part ?? ''}.json`;
  if (part === undefined || !files.has(name)) {
    problems.note(`the OCR tokens of ${questions} (${name}) are not there; no run trains on them`);
    return new Map();
  }
  const { value: content } = await readJsonText(files, name);
  const data = isObject(content) && Array.isArray(content['data']) ? content['data'] : [];
  return new Map(
    data.flatMap((entry: unknown) =>
      isObject(entry) ? [[String(entry['image_id']), entry['ocr_tokens']] as const] : [],
    ),
  );
}

type HubSplit = 'train' | 'validation';
interface Shard {
  split: HubSplit;
  name: string;
  path: string;
}

const splitWords: Readonly<Record<string, HubSplit | 'test'>> = {
  train: 'train',
  training: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  dev: 'validation',
  test: 'test',
};

/**
 * Split of a Parquet file by a word of its name, else of its folder: the words that the library datasets knows, between
 * any of `-._ ` and digits (docs/hub/datasets-file-names-and-splits). Undefined when none is there.
 */
function hubSplit(path: string): HubSplit | 'test' | undefined {
  const steps = path
    .replace(/\.parquet$/i, '')
    .split('/')
    .reverse();
  for (const step of steps)
    for (const word of step.toLowerCase().split(/[-._ 0-9]+/))
      if (Object.hasOwn(splitWords, word)) return splitWords[word];
  return undefined;
}

/**
 * The Parquet files to read. Throws UserError for one without a split in its name, inside an archive, or when parts of
 * a split are missing.
 */
function shardsOf({ problems }: ReadContext, parquet: readonly ReleasedFile[]): Shard[] {
  const shards: Shard[] = [];
  const there = new Map<string, Set<number>>();
  for (const { name, path } of parquet) {
    const split = hubSplit(name);
    if (split === undefined)
      throw userError({
        where: name,
        what: 'does not say its split',
        expected: 'train or validation in its name or folder',
      });
    if (split === 'test') {
      problems.note('the test questions have no public answers and are not read');
      continue;
    }
    if (typeof path !== 'string')
      throw userError({ where: name, what: 'lies inside a zip archive', expected: 'Parquet files on the disk' });
    shards.push({ split, name, path });
    const [, number, count] = /-(\d+)-of-(\d+)(?:-[0-9a-f]+)?\.parquet$/i.exec(name) ?? [];
    if (number === undefined) continue;
    const key = `${split} of ${Number(count)}`;
    there.set(key, (there.get(key) ?? new Set()).add(Number(number)));
  }
  for (const [key, numbers] of there) {
    const count = Number(key.split(' ').at(-1));
    const missing = Array.from({ length: Math.min(count, 100_000) }, (_, i) => i).filter(
      (number) => !numbers.has(number),
    );
    if (missing.length > 0)
      throw userError(
        {
          where: 'data',
          what: `${missing.length} of the ${count} parts of ${key.split(' ')[0]} are missing (the first: ${missing[0]})`,
          expected: 'all parts, -00000-of-... to the last',
        },
        exitCode.unavailable,
      );
  }
  return shards;
}

/** The pictures come with the questions: each is written once into the scratch folder, under its hash. */
async function readHub(context: ReadContext, shards: readonly Shard[]): Promise<ReleasedRecord[]> {
  const folder = join(context.scratch, 'textvqa');
  mkdirSync(folder, { recursive: true });
  const records: ReleasedRecord[] = [];
  for (const { name, path, split } of shards) {
    const train = split === 'train';
    let row = 0;
    for await (const { image, ...values } of readParquet(path, {
      question_id: 'text',
      image_id: 'text',
      question: 'text',
      answers: 'texts',
      ocr_tokens: 'texts',
      image_classes: 'texts',
      image: 'bytes',
    })) {
      row += 1;
      const place = `${basename(name)} record ${row}`;
      if (!(image instanceof Uint8Array)) {
        context.problems.add(place, 'no image bytes');
        continue;
      }
      const key = sha256(image);
      const file = join(folder, key);
      if (!existsSync(file)) writeFileSync(file, image);
      const record = recordOf(
        context,
        place,
        values,
        { split: train ? 'train' : 'evaluation', slice: answeredSlice(split) },
        { id: key, media: { local: file, key } },
        values['ocr_tokens'],
      );
      if (record !== undefined)
        records.push({ ...record, released: { ...record.released, image_id: values['image_id'] } });
    }
  }
  return records;
}
