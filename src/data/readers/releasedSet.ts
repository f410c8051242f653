/**
 * From the files of a release to a set like a generated one: records read, media decoded into the cache, faults
 * counted.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskManifest } from '../../manifest/taskManifest';
import { cachePath, writeWhole } from '../../files';
import { exitCode, UserError, userError } from '../../problems';
import type { Generated, OnProgress, SetGenerator, Source } from '../sets/generator';
import { countBy } from '../sets/checks';
import type { AlignmentItem, Item } from '../types';
import { choose, place, type PlacedRecord } from './divide';
import { openReleased, type ReleasedFiles } from './files';
import type { LeftLink } from './folder';
import { readers } from './index';
import { shown } from './names';
import { placesOf } from './pin';
import { countsOf, newProblems, Once, type Problems, type ReleasedRecord } from './record';
import { decodeAll, type LocatedRecord, locateAll, mediaDefaults } from './releasedMedia';

/** Raised with every change of a reader or of decoding that alters a set. */
const version = '2';

const mostListed = 10;

const defaults = { prompt: 'Question: {question} Answer:', ...mediaDefaults } as const;

/** What of a task manifest shapes the set; wording, licence and addresses do not. */
function shaping({
  format,
  modality,
  questions,
  media,
  prompt,
  kinds,
  limit,
  divide,
  pictureSide,
  seconds,
  sampleRate,
  agreement,
  captions,
}: TaskManifest): Record<string, unknown> {
  const size =
    modality === 'image'
      ? { pictureSide: pictureSide ?? defaults.pictureSide }
      : { seconds: seconds ?? defaults.seconds, sampleRate };
  return {
    format,
    questions,
    media,
    prompt: prompt ?? defaults.prompt,
    kinds,
    limit,
    divide,
    agreement,
    captions,
    ...size,
  };
}

/**
 * The recipe of a task made of released files. Its one source is the release itself, in the folder where its files lie.
 */
export function releasedGenerator(manifest: TaskManifest): SetGenerator {
  return {
    task: manifest.name,
    modality: manifest.modality,
    version: `released-${version}`,
    sources: [manifest.name],
    options: JSON.parse(JSON.stringify(shaping(manifest))) as Record<string, unknown>,
    released: true,
    generate: (source, target, onProgress) => generate(manifest, source(manifest.name), target, onProgress),
  };
}

async function generate(
  manifest: TaskManifest,
  source: Source,
  target: string,
  onProgress: OnProgress,
): Promise<Generated> {
  const scratch = `${target}.scratch`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  let files: ReleasedFiles | undefined;
  try {
    files = await openReleased(source.folder, placesOf(manifest, source.folder), scratch);
    const problems = newProblems();
    onProgress('reading the questions', 0, 1);
    const read = await readers[manifest.format]({ manifest, files, problems, scratch, ids: new Once(problems) });
    const total = read.length + problems.list.length;
    const placed = place(await locateAll(read, files), manifest, (text) => problems.note(text));
    const wanted = distinctItems(manifest, choose(placed, manifest), problems);
    const { media, usable } = await decodeAll(manifest, wanted, files, target, source, problems, onProgress);
    const records = wanted.filter(({ found }) => usable.has(found.key));
    if (files.left.length > 0) problems.note(linkNotice(files.left));
    settle(manifest, problems, total, target);
    requireSplits(manifest, records, read);
    return {
      items: records.flatMap((record) => itemsOf(manifest, record)),
      alignment: alignmentOf(manifest, records),
      classes: [],
      media,
      skipped: countsOf(problems.list),
      notes: {
        records: {
          read: read.length,
          faulty: problems.list.length,
          used: records.length,
          bySplit: countBy(records, ({ split }) => split),
        },
        notices: noticesOf(manifest, problems, total),
        ...(manifest.notVerified === undefined ? {} : { notVerified: manifest.notVerified }),
      },
    };
  } finally {
    files?.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Wanted = LocatedRecord & PlacedRecord;

/**
 * The records whose questions have ids of their own: a training caption adds its number to the id of its record, which
 * another may have.
 */
function distinctItems(manifest: TaskManifest, records: readonly Wanted[], problems: Problems): Wanted[] {
  const ids = new Once(problems);
  return records.filter((record) => itemsOf(manifest, record).every(({ id }) => ids.claim('id', id, record.place)));
}

function linkNotice(left: readonly LeftLink[]): string {
  const named = left.slice(0, 3).map(({ name, why }) => `${shown(name)} ${why}`);
  return `${left.length} links were not followed: ${named.join('; ')}${left.length > named.length ? '; ...' : ''}`;
}

const line = ({ place: at, kind, what }: { place: string; kind: string; what: string }) =>
  `${at}: ${kind}${what === '' ? '' : ` (${what})`}`;

/** Keeps the list of faulty records with the set, or throws when there are more than the manifest tolerates. */
function settle(manifest: TaskManifest, problems: Problems, total: number, target: string): void {
  const { list } = problems;
  const text = list.map((problem) => `${line(problem)}\n`).join('');
  if (list.length > 0) writeFileSync(join(target, 'problems.txt'), text);
  const tolerance = manifest.tolerance ?? 0;
  if (list.length <= tolerance * total) return;
  const all = cachePath('problems', `${manifest.name}.txt`);
  writeWhole(all, text);
  const counts = Object.entries(countsOf(list))
    .map(([kind, count]) => `${count} x ${kind}`)
    .join(', ');
  throw new UserError(
    [
      ...list.slice(0, mostListed).map(({ place: at, kind, what }) => ({
        where: `${manifest.name} ${at}`,
        what: what === '' ? kind : `${kind} (${what})`,
      })),
      {
        where: `task ${manifest.name}`,
        what: `${list.length} of ${total} records are faulty: ${counts}`,
        expected: `at most ${Math.floor(tolerance * total)} (tolerance ${tolerance})`,
        hint: `all of them are listed in ${all}; mend the files, or raise \`tolerance\` in the task's manifest to leave them out`,
      },
    ],
    exitCode.failed,
  );
}

function noticesOf({ name }: TaskManifest, problems: Problems, total: number): string[] {
  const counts = Object.entries(countsOf(problems.list))
    .map(([kind, count]) => `${count} x ${kind}`)
    .join(', ');
  return [
    ...(problems.list.length === 0
      ? []
      : [
          `${name}: ${problems.list.length} of ${total} records are left out: ${counts}; problems.txt beside the set lists them`,
        ]),
    ...problems.notices.map((note) => `${name}: ${note}`),
  ];
}

/** A set without training or evaluation questions would fail much later, and say less. */
function requireSplits(
  { name, kinds }: TaskManifest,
  records: readonly PlacedRecord[],
  read: readonly ReleasedRecord[],
): void {
  const undecided = read.filter(({ split }) => split === null).length;
  const hints = [
    ...(kinds === undefined ? [] : [`the manifest keeps the kinds ${kinds.join(', ')}`]),
    ...(undecided === 0
      ? []
      : [
          `${undecided} questions state no split and were divided by hashes of their groups; state \`split\` to decide it`,
        ]),
  ];
  for (const split of ['train', 'evaluation'] as const) {
    if (records.some((record) => record.split === split)) continue;
    throw userError({
      where: `task ${name}`,
      what: `no question is left in the ${split} split (${records.length} questions in all)`,
      expected: 'questions to train and to evaluate on',
      ...(hints.length === 0 ? {} : { hint: hints.join('; ') }),
    });
  }
}

function itemsOf(manifest: TaskManifest, record: Wanted): Item[] {
  const { id, split, kind, slice, found, question, answer, references, choices, released } = record;
  const prompt = (manifest.prompt ?? defaults.prompt)
    .replaceAll('{question}', () => question)
    .replaceAll('{choices}', () => choices.join(', '))
    .replace(/\s+/g, ' ')
    .trim();
  const item: Item = {
    id,
    split,
    kind,
    slice,
    media: found.key,
    prompt,
    answer,
    choices,
    question,
    references,
    ...(released === undefined ? {} : { released }),
  };
  if (kind !== 'caption' || split !== 'train') return [item];
  return references.map((caption, index) => ({ ...item, id: `${id}/${index + 1}`, answer: caption }));
}

/**
 * The alignment phase says of each training medium what its first question is answered with: released sets have no
 * class lists.
 */
function alignmentOf(manifest: TaskManifest, records: readonly Wanted[]): AlignmentItem[] {
  const first = new Map<string, Wanted>();
  for (const record of records)
    if (record.split === 'train' && !first.has(record.found.key)) first.set(record.found.key, record);
  return [...first.values()].map((record): AlignmentItem => ({
    kind: 'caption',
    media: record.found.key,
    prompt: itemsOf(manifest, record)[0]!.prompt,
    answer: record.answer,
  }));
}
