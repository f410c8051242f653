/** Pictures and sounds of a release: each record's file is found, each file is decoded once into the cache. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TaskManifest } from '../../manifest/taskManifest';
import { UserError } from '../../problems';
import type { MediaFile, OnProgress, Source } from '../sets/generator';
import type { GroupedRecord } from './divide';
import type { ReleasedFile, ReleasedFiles } from './files';
import { largestFile, preparePicture, prepareSound } from './media';
import type { Problems, ReleasedMedia, ReleasedRecord } from './record';

/** Where a manifest does not say. */
export const mediaDefaults = { pictureSide: 128, seconds: 30 } as const;

/** Decoded at the same time: bounds the memory that pictures take. */
const atOnce = 4;

/** The medium of a record: its key (the path of its file) and what it is made from; or what is wrong. */
export interface Found {
  key: string;
  from: { local: string } | { files: ReleasedFile[] } | { fault: { kind: string; what: string } };
}

export type LocatedRecord = GroupedRecord & { found: Found };

/** Every record with its medium; records of the same file are one group unless they state another. */
export async function locateAll(records: readonly ReleasedRecord[], files: ReleasedFiles): Promise<LocatedRecord[]> {
  const known = new Map<string, Found>();
  const located: LocatedRecord[] = [];
  for (const record of records) {
    const stated = JSON.stringify(record.media);
    const found = known.get(stated) ?? (await locate(record.media, files));
    known.set(stated, found);
    located.push({ ...record, group: record.group ?? found.key, found });
  }
  return located;
}

async function locate(media: ReleasedMedia, files: ReleasedFiles): Promise<Found> {
  if ('local' in media) return { key: media.key, from: media };
  const found: ReleasedFile[] = [];
  for (const names of media.parts) {
    const located = await files.locate(names);
    if ('fault' in located) return { key: media.parts[0]?.[0] ?? '', from: located };
    found.push(located.file);
  }
  const [first, ...row] = found;
  if (first === undefined) return { key: '', from: { fault: { kind: 'is missing', what: '' } } };
  const under = row.length === 0 ? '' : ` with ${row.map(({ name }) => basename(name)).join(', ')}`;
  return { key: `${first.name}${under}`, from: { files: found } };
}

/**
 * Decodes every medium once; what cannot be had becomes a problem of each record that needs it. `usable` are the keys
 * of the others.
 */
export async function decodeAll(
  manifest: TaskManifest,
  records: readonly LocatedRecord[],
  files: ReleasedFiles,
  target: string,
  source: Source,
  problems: Problems,
  onProgress: OnProgress,
): Promise<{ media: MediaFile[]; usable: Set<string> }> {
  const byKey = new Map<string, LocatedRecord[]>();
  for (const record of records) {
    const users = byKey.get(record.found.key);
    if (users === undefined) byKey.set(record.found.key, [record]);
    else users.push(record);
  }
  const [noun, folder, ending] =
    manifest.modality === 'image' ? ['picture', 'pictures', 'png'] : ['sound', 'sounds', 'wav'];
  mkdirSync(join(target, folder), { recursive: true });
  const made: MediaFile[] = [];
  const clipped = { sounds: 0, samples: 0 };
  const entries = [...byKey];
  const decode = async ([key, users]: (typeof entries)[number], index: number): Promise<void> => {
    const result = await tryMedium(manifest, users[0]!.found, files);
    if ('kind' in result) {
      for (const { place: at } of users) problems.add(at, `its ${noun} ${result.kind}`, result.what);
      return;
    }
    const file = `${folder}/${String(index).padStart(6, '0')}.${ending}`;
    writeFileSync(join(target, file), result.content);
    made[index] = { key, file, origins: [{ source: source.name, file: key, licence: source.licence }] };
    if (result.clipped > 0) clipped.sounds += 1;
    clipped.samples += result.clipped;
  };
  for (let from = 0; from < entries.length; from += atOnce) {
    await Promise.all(entries.slice(from, from + atOnce).map((entry, i) => decode(entry, from + i)));
    if (from % (25 * atOnce) === 0) onProgress(`decoding ${folder}`, from, entries.length);
  }
  if (clipped.sounds > 0)
    problems.note(`${clipped.samples} samples of ${clipped.sounds} sounds were beyond 1 and are clipped`);
  const media = made.filter((file) => file !== undefined);
  return { media, usable: new Set(media.map(({ key }) => key)) };
}

type Result = { content: Uint8Array; clipped: number } | { kind: string; what: string };

async function tryMedium(manifest: TaskManifest, { key, from }: Found, files: ReleasedFiles): Promise<Result> {
  if ('fault' in from) return from.fault;
  try {
    const contents: Uint8Array[] = [];
    if ('local' in from) contents.push(readFileSync(from.local));
    else for (const file of from.files) contents.push(await files.read(file, largestFile(manifest.modality)));
    const [first = new Uint8Array(0), ...choices] = contents;
    if (manifest.modality === 'image') {
      const side = manifest.pictureSide ?? mediaDefaults.pictureSide;
      return { content: await preparePicture(first, choices, side, key), clipped: 0 };
    }
    const seconds = manifest.seconds ?? mediaDefaults.seconds;
    const { wav, clipped } = await prepareSound(first, { seconds, rate: manifest.sampleRate }, key);
    return { content: wav, clipped };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: 'cannot be used', what: error.message };
  }
}
