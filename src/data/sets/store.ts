/**
 * The cache of generated sets: each is made once into a temporary folder, checked, and renamed into place, so that a
 * reader finds a whole set or none. Layout: items.jsonl, alignment.jsonl, media.jsonl, card.json,
 * the media files and, for pictures, contact-sheet.png.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cachePath, canonicalJson, isSha256, sha256, writeWhole } from '../../files';
import { isObject, objectIn } from '../../json';
import { exitCode, formatProblem, type Problem, userError, UserError } from '../../problems';
import { withLock } from '../../sources/lock';
import type { AlignmentItem, DataSet, Item, Modality } from '../types';
import { makeCard, type SetCard } from './card';
import { findProblems, requireSound } from './checks';
import { contactSheet } from './contactSheet';
import type { MediaFile, OnProgress, Origin, SetGenerator, Source, SourceProvider } from './generator';

const cardName = 'card.json';
/** What a task may be called as a folder: nothing that leads elsewhere. */
const taskForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
type StoredMedia = MediaFile & { sha256: string; bytes: number };

/** sha256 over the task, the generator's version and options, and the hashes of its sources; fast and offline. */
export function identityOf(generator: SetGenerator, provider: Pick<SourceProvider, 'identity'>): string {
  const sources = Object.fromEntries(generator.sources.map((name) => [name, provider.identity(name)]));
  return sha256(
    canonicalJson({ task: generator.task, version: generator.version, options: generator.options, sources }),
  );
}

/** The cache folder of a set with this identity; it need not exist. */
export function setFolder(task: string, identity: string): string {
  return cachePath('sets', task, identity.slice(0, 16));
}

/**
 * The set, read from the cache or generated into it first. Throws UserError when a source cannot be opened, a check
 * fails, or the cached copy is damaged.
 */
export async function materialise(
  generator: SetGenerator,
  provider: SourceProvider,
  onProgress: OnProgress = () => undefined,
): Promise<DataSet> {
  const identity = identityOf(generator, provider);
  const folder = setFolder(generator.task, identity);
  const isMade = () => existsSync(join(folder, cardName));
  if (!isMade()) {
    const waiting = (owner: string) => onProgress(`${owner} is generating ${generator.task}`, 0, 1);
    await withLock(
      `${folder}.lock`,
      async () => {
        if (!isMade()) await build(generator, provider, identity, folder, onProgress);
      },
      waiting,
    );
  }
  return readSet(folder, identity);
}

async function build(
  generator: SetGenerator,
  provider: SourceProvider,
  identity: string,
  folder: string,
  onProgress: OnProgress,
): Promise<void> {
  const opened = new Map<string, Source>();
  for (const name of generator.sources) opened.set(name, await provider.open(name));
  const source = (name: string): Source => {
    const found = opened.get(name);
    if (found === undefined) throw new Error(`generator ${generator.task} reads ${name} without declaring it`);
    return found;
  };
  // One name for all processes: the lock keeps them apart, and what a killed one left is removed here.
  const target = `${folder}.building`;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  try {
    const made = await generator.generate(source, target, onProgress);
    const media = made.media.map((file): StoredMedia => {
      const bytes = readFileSync(join(target, file.file));
      return { ...file, sha256: sha256(bytes), bytes: bytes.length };
    });
    const repeats: Problem[] = [];
    requireSound(
      generator.task,
      findProblems(made.items, made.alignment, made.classes, media, generator.released === true ? repeats : undefined),
      generator.released,
    );
    if (repeats.length > 0)
      made.notes['repeats'] = { count: repeats.length, first: repeats.slice(0, 5).map(formatProblem) };
    const originsOf = new Map(media.map((file) => [file.key, file.origins]));
    const lines: Record<string, unknown[]> = {
      'items.jsonl': made.items.map((item) => ({ ...item, origins: originsOf.get(item.media) })),
      'alignment.jsonl': made.alignment,
      'media.jsonl': media,
    };
    const files: Record<string, string> = {};
    for (const [name, records] of Object.entries(lines)) {
      const text = records.map((record) => `${canonicalJson(record)}\n`).join('');
      writeWhole(join(target, name), text);
      files[name] = sha256(text);
    }
    const card = makeCard(generator, identity, [...opened.values()], made, files);
    writeWhole(join(target, cardName), `${JSON.stringify(card, null, 2)}\n`);
    if (generator.modality === 'image')
      writeWhole(join(target, 'contact-sheet.png'), await contactSheet(readSet(target, identity)));
    rmSync(folder, { recursive: true, force: true });
    renameSync(target, folder);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

function damaged(folder: string, what: string): Error {
  return userError(
    {
      where: folder,
      what: `the cached set is damaged: ${what}`,
      hint: 'delete this folder; it is generated again on the next use',
    },
    exitCode.failed,
  );
}

/** The data card of a stored set. Throws UserError when it is missing or of another format. */
export function readCard(folder: string): SetCard {
  const path = join(folder, cardName);
  const card = existsSync(path) ? objectIn(readFileSync(path, 'utf8')) : null;
  if (card === null) throw damaged(folder, `${cardName} cannot be read`);
  const { format, files, notes } = card;
  if (format !== 'equipoise-set/1') throw damaged(folder, `${cardName} has format ${JSON.stringify(format) ?? 'none'}`);
  if (!isObject(files) || !isObject(notes)) throw damaged(folder, `${cardName} lacks files or notes`);
  return card as unknown as SetCard;
}

/** What a person wants to see of a question: its text, its picture or sound, and where that comes from. */
export interface ShownItem extends Item {
  origins: Origin[];
}

/**
 * A set as it lies in the cache, for looking at: its questions by id and the files of its media by key. Null where this machine
 * does not have it, or not whole; nothing is fetched or made.
 */
export function storedSet(
  task: string,
  identity: string,
): {
  modality: Modality;
  sources: SetCard['sources'];
  items: Map<string, ShownItem>;
  media: Map<string, string>;
} | null {
  // Names of a strange run.json lead nowhere.
  if (!taskForm.test(task) || !isSha256(identity)) return null;
  const folder = setFolder(task, identity);
  if (!existsSync(join(folder, cardName))) return null;
  try {
    const { modality, sources, media } = readSet(folder, identity);
    const items = readLines<Item & { origins?: Origin[] }>(join(folder, 'items.jsonl'));
    return {
      modality,
      sources,
      media,
      items: new Map(items.map((item) => [item.id, { ...item, origins: item.origins ?? [] }])),
    };
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

const linesOf = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

const readLines = <T>(path: string): T[] => linesOf<T>(readFileSync(path, 'utf8'));

/** Reads a stored set and checks the hashes of its index files and the sizes of its media. */
function readSet(folder: string, identity: string): DataSet {
  const card = readCard(folder);
  if (card.identity !== identity) throw damaged(folder, `${cardName} belongs to another identity`);
  const read = <T>(name: string): T[] => {
    const path = join(folder, name);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (sha256(text) !== card.files[name]) throw damaged(folder, `${name} has changed`);
    return linesOf<T>(text);
  };
  const media = new Map<string, string>();
  for (const { key, file, bytes } of read<StoredMedia>('media.jsonl')) {
    const path = join(folder, file);
    if (statSync(path, { throwIfNoEntry: false })?.size !== bytes)
      throw damaged(folder, `${file} is missing or has changed`);
    media.set(key, path);
  }
  const items = read<Item & { origins?: unknown }>('items.jsonl').map(({ origins: _origins, ...item }): Item => item);
  return {
    task: card.task,
    modality: card.modality,
    identity,
    items,
    alignment: read<AlignmentItem>('alignment.jsonl'),
    classes: card.classes,
    media,
    sources: card.sources,
    notices: noticesOf(card),
  };
}

/** What a run that trains on the set should say about it. */
function noticesOf({ notes }: SetCard): string[] {
  const notices: unknown = notes['notices'];
  return Array.isArray(notices) ? notices.map(String) : [];
}
