/** Question files of every format, as targets of the fuzz net. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readers } from '../../src/data/readers';
import { openReleased } from '../../src/data/readers/files';
import { readParquet } from '../../src/data/readers/parquet';
import { placesOf } from '../../src/data/readers/pin';
import { newProblems, Once, type ReleasedRecord } from '../../src/data/readers/record';
import { projectRoot } from '../../src/files';
import type { TaskManifest } from '../../src/manifest/taskManifest';
import { writeDaquar } from '../daquar';
import {
  aokVqaQuestion,
  put,
  textVqaQuestion,
  writeClothoAqa,
  writeIconQa,
  writeMacs,
  writeSongDescriber,
  writeTextVqaHub,
} from '../releases';
import type { Target } from './fuzz';

const manifestOf = (name: string): TaskManifest =>
  JSON.parse(readFileSync(join(projectRoot, 'data-manifests', 'published', `${name}.json`), 'utf8')) as TaskManifest;

/** The files that a release writes, without its pictures and sounds. */
async function filesOf(write: (root: string) => unknown, names: readonly string[]): Promise<Record<string, Buffer>> {
  const root = mkdtempSync(join(tmpdir(), 'equipoise-release-'));
  try {
    await write(root);
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name))]));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Reads a release whose file `changed` has this content: its records, or how many are faulty. */
async function recordsIn(
  manifest: TaskManifest,
  files: Readonly<Record<string, Buffer>>,
  changed: string,
  input: Buffer,
  place: string,
): Promise<ReleasedRecord[]> {
  for (const [name, content] of Object.entries(files))
    put(join(place, 'release'), name, name === changed ? input : content);
  const scratch = join(place, 'scratch');
  mkdirSync(scratch);
  const released = await openReleased(join(place, 'release'), placesOf(manifest, join(place, 'release')), scratch);
  try {
    const problems = newProblems();
    return await readers[manifest.format]({ manifest, files: released, problems, scratch, ids: new Once(problems) });
  } finally {
    released.close();
  }
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '' && value.length <= 5000;

/** Records as they may go on: whole texts, ids of their own, answers among their references. */
export function soundRecords(read: unknown): boolean {
  const records = read as ReleasedRecord[];
  return (
    Array.isArray(records) &&
    new Set(records.map(({ id }) => id)).size === records.length &&
    records.every(
      (record) =>
        [record.id, record.place, record.question, record.answer, record.kind, record.slice].every(isText) &&
        record.references.length > 0 &&
        record.references.every(isText) &&
        record.choices.every(isText) &&
        (record.choices.length === 0 || record.choices.includes(record.answer)) &&
        [null, 'train', 'validation', 'evaluation'].includes(record.split) &&
        (record.group === null || isText(record.group)) &&
        ('local' in record.media || record.media.parts.flat().every((name) => !name.split('/').includes('..'))),
    )
  );
}

const jsonOf = (files: Readonly<Record<string, Buffer>>, name: string) => ({
  value: JSON.parse(files[name]!.toString('utf8')) as unknown,
});

/** JSON files of published sets, with two or three questions each. */
async function jsonTargets(): Promise<Target[]> {
  const textVqa = {
    'TextVQA_0.5.1_train.json': Buffer.from(
      JSON.stringify({
        dataset_type: 'train',
        data: [textVqaQuestion(1, '01aa', 'train'), textVqaQuestion(2, '02aa', 'train')],
      }),
    ),
    'TextVQA_0.5.1_val.json': Buffer.from(
      JSON.stringify({ dataset_type: 'val', data: [textVqaQuestion(3, '03aa', 'val')] }),
    ),
    'TextVQA_Rosetta_OCR_v0.2_train.json': Buffer.from(
      JSON.stringify({ data: [{ image_id: '01aa', ocr_tokens: ['STOP'], ocr_info: [] }] }),
    ),
  };
  const aokVqa = {
    'aokvqa_v1p0_train.json': Buffer.from(
      JSON.stringify([aokVqaQuestion('a', 1, 'train'), aokVqaQuestion('b', 2, 'train')]),
    ),
    'aokvqa_v1p0_val.json': Buffer.from(JSON.stringify([aokVqaQuestion('c', 3, 'val')])),
  };
  const iconQa = await filesOf(
    (root) => writeIconQa(root),
    ['iconqa_data/problems.json', 'iconqa_data/pid_splits.json'],
  );
  const of = (task: string, files: Record<string, Buffer>, name: string): Target => ({
    name: `${task}: ${name}`,
    sample: jsonOf(files, name),
    read: (input, place) => recordsIn(manifestOf(task), files, name, input, place),
    result: soundRecords,
  });
  return [
    ...Object.keys(textVqa).map((name) => of('textvqa', textVqa, name)),
    of('a-okvqa', aokVqa, 'aokvqa_v1p0_train.json'),
    ...Object.keys(iconQa).map((name) => of('iconqa', iconQa, name)),
  ];
}

/** Lines of text, CSV and YAML, shortened: the first lines are enough. */
async function textTargets(): Promise<Target[]> {
  const clotho = await filesOf(
    (root) => writeClothoAqa(root),
    ['clotho_aqa_train.csv', 'clotho_aqa_val.csv', 'clotho_aqa_test.csv'],
  );
  const songs = await filesOf(writeSongDescriber, ['song_describer.csv']);
  const macs = await filesOf((root) => writeMacs(root), ['MACS.yaml']);
  const daquar = await filesOf((root) => writeDaquar(root), ['qa.894.raw.txt', 'train.txt', 'test.txt']);
  const short = Object.fromEntries(
    Object.entries(macs).map(([name, text]) => [
      name,
      Buffer.from(text.toString('utf8').split('\n').slice(0, 45).join('\n') + '\n'),
    ]),
  );
  const of = (task: string, files: Record<string, Buffer>, name: string): Target => ({
    name: `${task}: ${name}`,
    sample: files[name]!,
    read: (input, place) => recordsIn(manifestOf(task), files, name, input, place),
    result: soundRecords,
  });
  return [
    of('clotho-aqa', clotho, 'clotho_aqa_train.csv'),
    of('sdd', songs, 'song_describer.csv'),
    of('macs', short, 'MACS.yaml'),
    of('daquar', daquar, 'qa.894.raw.txt'),
    of('daquar', daquar, 'train.txt'),
  ];
}

const ownManifest: TaskManifest = {
  name: 'mine',
  about: 'x',
  modality: 'image',
  format: 'jsonl',
  questions: [{ file: 'mine.jsonl' }],
  media: ['pics'],
  license: 'CC0-1.0',
  citeAs: 'x',
};

const ownLines: Target = {
  name: 'own task: mine.jsonl',
  sample: {
    value: [
      { image: 'a.png', question: 'Which?', answers: ['a'], choices: ['a', 'b'], split: 'train', id: 'x', group: 'g' },
      { image: 'b  c.png', question: 'What?', answer: 'red', kind: 'caption' },
    ],
    text: (value) => (Array.isArray(value) ? value : [value]).map((line) => JSON.stringify(line) ?? '').join('\n'),
  },
  read: (input, place) => recordsIn(ownManifest, { 'mine.jsonl': input }, 'mine.jsonl', input, place),
  result: soundRecords,
};

const parquetColumns = {
  question: 'text',
  question_id: 'text',
  answers: 'texts',
  image: 'bytes',
  ocr_tokens: 'texts',
} as const;

/** Parquet as the hub has it. Its pages have checksums only where the writer wanted them: rows may differ. */
async function parquetTarget(): Promise<Target> {
  const name = 'data/validation-00000-of-00001.parquet';
  const files = await filesOf(writeTextVqaHub, [name]);
  return {
    name: 'textvqa: parquet',
    sample: files[name]!,
    async read(input, place) {
      put(place, 'x.parquet', input);
      const rows: Record<string, unknown>[] = [];
      for await (const row of readParquet(join(place, 'x.parquet'), parquetColumns)) {
        rows.push(row);
        if (rows.length > 1000) break;
      }
      return rows;
    },
    result: (rows) => Array.isArray(rows) && rows.every((row) => typeof row === 'object' && row !== null),
  };
}

/** All question files. */
export const annotationTargets = async (): Promise<Target[]> => [
  ...(await jsonTargets()),
  ...(await textTargets()),
  ownLines,
  await parquetTarget(),
];
