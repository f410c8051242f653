/** From the files of a release to a set like a generated one: records read, media decoded into the cache, faults counted. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskManifest } from '../../manifest/taskManifest';
import { cachePath, writeWhole } from '../../files';
import { exitCode, UserError, userError } from '../../problems';
import type { Generated, MediaFile, OnProgress, SetGenerator, Source } from '../sets/generator';
import { countBy } from '../sets/checks';
import type { AlignmentItem, Item } from '../types';
import { choose, place, type PlacedRecord } from './divide';
import { openReleased, type ReleasedFiles } from './files';
import { readers } from './index';
import { largestFile, preparePicture, prepareSound } from './media';
import { placesOf } from './pin';
import { countsOf, newProblems, type Problems, type ReleasedMedia } from './record';

/** Raised with every change of a reader or of decoding that alters a set. */
const version = '1';

/** Decoded at the same time: bounds the memory that pictures take. */
const atOnce = 4;
const shown = 10;

const defaults = { prompt: 'Question: {question} Answer:', pictureSide: 128, seconds: 30 } as const;

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

/** The recipe of a task made of released files. Its one source is the release itself, in the folder where its files lie. */
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
    files = await openReleased(source.folder, placesOf(manifest), scratch);
    const problems = newProblems();
    onProgress('reading the questions', 0, 1);
    const read = await readers[manifest.format]({ manifest, files, problems, scratch });
    const total = read.length + problems.list.length;
    const wanted = choose(place(read, manifest), manifest);
    const { media, usable } = await decodeAll(manifest, wanted, files, target, source, problems, onProgress);
    const records = wanted.filter((record) => usable.has(record.media.key));
    settle(manifest, problems, total, target);
    requireSplits(manifest, records);
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

/** Decodes every medium once; what cannot be had becomes a problem of each record that needs it. */
async function decodeAll(
  manifest: TaskManifest,
  records: readonly PlacedRecord[],
  files: ReleasedFiles,
  target: string,
  source: Source,
  problems: Problems,
  onProgress: OnProgress,
): Promise<{ media: MediaFile[]; usable: Set<string> }> {
  const byKey = new Map<string, PlacedRecord[]>();
  for (const record of records) byKey.set(record.media.key, [...(byKey.get(record.media.key) ?? []), record]);
  const folder = manifest.modality === 'image' ? 'pictures' : 'sounds';
  mkdirSync(join(target, folder), { recursive: true });
  const usable = new Set<string>();
  const made: MediaFile[] = [];
  const entries = [...byKey];
  const decode = async ([key, users]: (typeof entries)[number], index: number): Promise<void> => {
    const noun = manifest.modality === 'image' ? 'picture' : 'sound';
    const { name, result } = await tryMedium(manifest, users[0]!.media, files);
    if (!(result instanceof Uint8Array)) {
      for (const { place: at } of users) problems.add(at, `its ${noun} ${result.kind}`, result.what);
      return;
    }
    const file = `${folder}/${String(index).padStart(6, '0')}.${manifest.modality === 'image' ? 'png' : 'wav'}`;
    writeFileSync(join(target, file), result);
    made[index] = { key, file, origins: [{ source: source.name, file: name, licence: source.licence }] };
    usable.add(key);
  };
  for (let from = 0; from < entries.length; from += atOnce) {
    await Promise.all(entries.slice(from, from + atOnce).map((entry, i) => decode(entry, from + i)));
    if (from % (25 * atOnce) === 0) onProgress(`decoding ${folder}`, from, entries.length);
  }
  return { media: made.filter((file) => file !== undefined), usable };
}

async function tryMedium(
  manifest: TaskManifest,
  media: ReleasedMedia,
  files: ReleasedFiles,
): Promise<{ name: string; result: Uint8Array | { kind: string; what: string } }> {
  const name = media.local === undefined ? (media.parts[0]?.[0] ?? media.key) : media.key;
  const contents: Uint8Array[] = [];
  try {
    if (media.local !== undefined) contents.push(readFileSync(media.local));
    for (const names of media.parts) {
      const file = files.find(names);
      if (file === undefined) return { name, result: { kind: 'is missing', what: names[0] ?? '' } };
      contents.push(await files.read(file, largestFile(manifest.modality)));
    }
    const [first, ...choices] = contents;
    if (first === undefined) return { name, result: { kind: 'is missing', what: name } };
    const result =
      manifest.modality === 'image'
        ? await preparePicture(first, choices, manifest.pictureSide ?? defaults.pictureSide, name)
        : await prepareSound(first, { seconds: manifest.seconds ?? defaults.seconds, rate: manifest.sampleRate }, name);
    return { name, result };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { name, result: { kind: 'cannot be used', what: error.message } };
  }
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
      ...list.slice(0, shown).map(({ place: at, kind, what }) => ({
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
function requireSplits({ name, kinds }: TaskManifest, records: readonly PlacedRecord[]): void {
  for (const split of ['train', 'evaluation'] as const) {
    if (records.some((record) => record.split === split)) continue;
    throw userError({
      where: `task ${name}`,
      what: `no question is left in the ${split} split (${records.length} questions in all)`,
      expected: 'questions to train and to evaluate on',
      ...(kinds === undefined ? {} : { hint: `the manifest keeps the kinds ${kinds.join(', ')}` }),
    });
  }
}

function itemsOf(manifest: TaskManifest, record: PlacedRecord): Item[] {
  const { id, split, kind, slice, media, question, answer, references, choices, released } = record;
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
    media: media.key,
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

/** The alignment phase says of each training medium what its first question is answered with: released sets have no class lists. */
function alignmentOf(manifest: TaskManifest, records: readonly PlacedRecord[]): AlignmentItem[] {
  const first = new Map<string, PlacedRecord>();
  for (const record of records)
    if (record.split === 'train' && !first.has(record.media.key)) first.set(record.media.key, record);
  return [...first.values()].map((record): AlignmentItem => ({
    kind: 'caption',
    media: record.media.key,
    prompt: itemsOf(manifest, record)[0]!.prompt,
    answer: record.answer,
  }));
}
