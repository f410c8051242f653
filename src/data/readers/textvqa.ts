/**
 * TextVQA 0.5.1 (Singh et al., CVPR 2019). As released: `TextVQA_0.5.1_{train,val}.json`, an object whose `data` lists
 * {question_id, image_id, question, answers: ten texts, image_classes, set_name, ...}, and the pictures `train_images/<image_id>.jpg` of
 * train_val_images.zip; OCR tokens lie in `TextVQA_Rosetta_OCR_v0.2_{train,val}.json` (`data`: {image_id, ocr_tokens}). On the hub (facebook/textvqa
 * as Parquet, lmms-lab/textvqa): the same columns with `image` {bytes, path} and `ocr_tokens` in each row, split by file name.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { userError } from '../../problems';
import { sha256 } from '../../files';
import { isObject } from '../../json';
import { readJson } from './json';
import { readParquet } from './parquet';
import type { ReadContext, Reader } from './reader';
import { longest, mostFrequent, textOf, textListOf, type ReleasedMedia, type ReleasedRecord } from './record';

type Split = { split: ReleasedRecord['split']; slice: string };

/** Split of a Parquet file of the hub by its name: `train-00000-of-00020.parquet`, `textvqa-train-...`, or `train/0000.parquet` as the hub itself converts. */
function hubSplit(name: string): 'train' | 'validation' | undefined {
  const found = /(?:^|\/)(?:textvqa-)?(train|validation)(?:-\d+-of-\d+|\/\d+)\.parquet$/.exec(name)?.[1];
  return found === 'train' || found === 'validation' ? found : undefined;
}

/** Reads the JSON release where its files are there, else the hub's Parquet files. */
export const readTextVqa: Reader = async (context) => {
  const { manifest, files } = context;
  const present = manifest.questions.filter(({ file }) => files.find([file]) !== undefined);
  const parquet = files.list().filter(({ name }) => hubSplit(name) !== undefined);
  if (present.length === 0 && parquet.length > 0)
    return readHub(
      context,
      parquet.map(({ name, path }) => ({ name, path })),
    );
  const records: ReleasedRecord[] = [];
  for (const { file, split } of manifest.questions) {
    const content = await readJson(files, file);
    const data = isObject(content) ? content['data'] : undefined;
    if (!Array.isArray(data))
      throw userError({ where: file, what: 'has no list `data`', expected: 'TextVQA 0.5.1 as released' });
    const tokens = await ocrTokens(context, file);
    data.forEach((entry: unknown, index) => {
      const place = `${file} record ${index + 1}`;
      const image = isObject(entry) ? entry['image_id'] : undefined;
      const media =
        typeof image === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(image)
          ? { key: image, parts: [[`train_images/${image}.jpg`, `${image}.jpg`]] }
          : undefined;
      const record = recordOf(
        context,
        place,
        entry,
        { split: split ?? null, slice: split === 'train' ? 'train' : 'official-validation' },
        media,
        typeof image === 'string' ? tokens.get(image) : undefined,
      );
      if (record !== undefined) records.push(record);
    });
  }
  return records;
};

function recordOf(
  { problems }: ReadContext,
  place: string,
  entry: unknown,
  { split, slice }: Split,
  media: ReleasedMedia | undefined,
  ocr: unknown,
): ReleasedRecord | undefined {
  if (!isObject(entry)) return void problems.add(place, 'the record is no object');
  if (media === undefined) return void problems.add(place, 'no usable image_id');
  const question = textOf(entry['question'], 'question', longest.question, place, problems);
  if (question === undefined) return undefined;
  // Some annotators left nothing: those are no answers, but the others are.
  const given: unknown = Array.isArray(entry['answers'])
    ? entry['answers'].filter((answer) => answer !== '')
    : entry['answers'];
  const references = textListOf(given, 'answers', longest.answer, place, problems);
  if (references === undefined) return undefined;
  const id = textOf(entry['question_id'], 'question_id', 100, place, problems);
  if (id === undefined) return undefined;
  return {
    place,
    id: `textvqa/${id}`,
    split,
    slice,
    group: media.key,
    kind: 'read',
    media,
    question,
    references,
    choices: [],
    answer: mostFrequent(references)!.text,
    released: {
      image_id: media.key,
      ...(ocr === undefined ? {} : { ocr_tokens: ocr }),
      ...(entry['image_classes'] === undefined ? {} : { image_classes: entry['image_classes'] }),
    },
  };
}

/** OCR tokens by image, from the file beside the questions when it is there. */
async function ocrTokens({ files, problems }: ReadContext, questions: string): Promise<Map<string, unknown>> {
  const part = /_(train|val|test)\.json$/.exec(questions)?.[1];
  const name = `TextVQA_Rosetta_OCR_v0.2_${part ?? ''}.json`;
  if (part === undefined || files.find([name]) === undefined) {
    problems.note(`the OCR tokens of ${questions} (${name}) are not there; no run trains on them`);
    return new Map();
  }
  const content = await readJson(files, name);
  const data = isObject(content) && Array.isArray(content['data']) ? content['data'] : [];
  return new Map(
    data.flatMap((entry: unknown) =>
      isObject(entry) && typeof entry['image_id'] === 'string'
        ? [[entry['image_id'], entry['ocr_tokens']] as const]
        : [],
    ),
  );
}

/** The pictures come with the questions: each is written once into the scratch folder, under its hash. */
async function readHub(
  context: ReadContext,
  parts: { name: string; path?: string | undefined }[],
): Promise<ReleasedRecord[]> {
  const folder = join(context.scratch, 'textvqa');
  mkdirSync(folder, { recursive: true });
  const records: ReleasedRecord[] = [];
  for (const { name, path } of parts) {
    if (path === undefined)
      throw userError({ where: name, what: 'lies inside a zip archive', expected: 'Parquet files on the disk' });
    const train = hubSplit(name) === 'train';
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
        { split: train ? 'train' : 'evaluation', slice: train ? 'train' : 'official-validation' },
        { key, parts: [], local: file },
        values['ocr_tokens'],
      );
      if (record !== undefined)
        records.push({ ...record, released: { ...record.released, image_id: values['image_id'] } });
    }
  }
  return records;
}
