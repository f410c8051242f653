/**
 * Published checkpoints that runs train from: a user's own folders, or sources that data manifests fetch. Their
 * identity is their files' content.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cachePath, canonicalJson, sha256, sha256OfFile, writeWhole } from '../files';
import { checkpointNames, findCheckpoint, ownCheckpointFolder } from './checkpointNames';
import { UserError, userError, type Problem } from '../problems';
import { openSource, sourceIdentity, type OpenOptions } from './sources';

/** Files of a checkpoint that a run depends on; of each group one must be there. */
const needed: readonly (readonly string[])[] = [
  ['config.json'],
  ['tokenizer.json'],
  ['preprocessor_config.json', 'processor_config.json'],
  ['model.safetensors', 'model.safetensors.index.json'],
];
const alsoRead: readonly string[] = ['tokenizer_config.json'];

/** A file as it was when it was hashed: while these numbers stand, so does its hash. */
interface Hashed {
  name: string;
  bytes: string;
  changed: string;
  sha256: string;
}

/** Whether a checkpoint is a folder of the user's own. */
export const isOwnCheckpoint = (name: string): boolean => found(name).kind === 'own';

/**
 * sha256 over the content of all that a run reads of a checkpoint. Needs no network; a folder's files are hashed once
 * and again when they change. Throws UserError: no such checkpoint, files that are missing (all named), or a published
 * one that was never fetched.
 */
export function checkpointIdentity(name: string): string {
  const checkpoint = found(name);
  return checkpoint.kind === 'published' ? sourceIdentity(name) : identityOfFiles(hashedFiles(checkpoint.folder));
}

/** A file that a run reads of a checkpoint. */
export interface CheckpointFile {
  name: string;
  bytes: number;
  sha256: string;
}

/**
 * Folder and files of a checkpoint of the user's own, hashed as for its identity. Throws UserError as
 * `checkpointIdentity`, and for a published one.
 */
export function ownCheckpointFiles(name: string): { folder: string; files: CheckpointFile[] } {
  const checkpoint = found(name);
  if (checkpoint.kind === 'published')
    throw userError({ where: 'checkpoint', what: `${name} is published`, expected: 'one of your own' });
  const files = hashedFiles(checkpoint.folder).map((file) => ({
    name: file.name,
    bytes: Number(file.bytes),
    sha256: file.sha256,
  }));
  return { folder: checkpoint.folder, files };
}

/** The identity of a checkpoint that has these files, in the order of their names. */
export const identityOfFiles = (files: readonly Pick<CheckpointFile, 'name' | 'sha256'>[]): string =>
  sha256(canonicalJson(files.map(({ name, sha256: hash }) => ({ name, hash }))));

/**
 * The folder of a checkpoint, fetched where it is published and not there yet. Throws UserError as `checkpointIdentity`
 * and `openSource`.
 */
export async function openCheckpointFolder(name: string, options: OpenOptions = {}): Promise<string> {
  const checkpoint = found(name);
  if (checkpoint.kind === 'published') return (await openSource(name, options)).folder;
  filesOf(checkpoint.folder);
  return checkpoint.folder;
}

function found(name: string): NonNullable<ReturnType<typeof findCheckpoint>> {
  const checkpoint = findCheckpoint(name);
  if (checkpoint === undefined)
    throw userError({
      where: 'checkpoint',
      what: `there is no checkpoint ${JSON.stringify(name)}`,
      expected: `${checkpointNames().join(', ')}, or a folder of this name with config.json in ${ownCheckpointFolder()}`,
    });
  return checkpoint;
}

/** Names of the files that a run reads, sorted. */
function filesOf(folder: string): string[] {
  const names = readdirSync(folder);
  const missing = needed.filter((group) => !group.some((name) => names.includes(name)));
  if (missing.length > 0) {
    throw new UserError(
      missing.map((group): Problem => ({
        where: folder,
        what: `holds no ${group.join(' or ')}`,
        expected: 'a checkpoint with configuration, tokenizer, processor and safetensors (docs/models.md)',
      })),
    );
  }
  const wanted = new Set([...needed.flat(), ...alsoRead]);
  return names
    .filter((name) => wanted.has(name) || (!names.includes('model.safetensors') && name.endsWith('.safetensors')))
    .sort();
}

/** What a run reads of a folder, hashed now or when it last changed; by name. */
function hashedFiles(folder: string): Hashed[] {
  const path = cachePath('checkpoints', `${sha256(realpathSync(folder)).slice(0, 32)}.json`);
  const known = new Map(readHashed(path).map((file) => [file.name, file]));
  const files = filesOf(folder).map((name): Hashed => {
    const { size, mtimeNs, ctimeNs, ino } = statSync(join(folder, name), { bigint: true });
    const state = { name, bytes: String(size), changed: `${ino} ${mtimeNs} ${ctimeNs}` };
    const before = known.get(name);
    return before !== undefined && before.bytes === state.bytes && before.changed === state.changed
      ? before
      : { ...state, sha256: hashOf(join(folder, name)) };
  });
  if (files.some((file) => known.get(file.name) !== file)) writeWhole(path, canonicalJson(files));
  return files;
}

/** What was hashed earlier; nothing where that cannot be read. */
function readHashed(path: string): Hashed[] {
  if (!existsSync(path)) return [];
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const isHashed = (file: unknown): file is Hashed =>
      typeof file === 'object' &&
      file !== null &&
      (['name', 'bytes', 'changed', 'sha256'] as const).every(
        (key) => typeof (file as Record<string, unknown>)[key] === 'string',
      );
    return Array.isArray(value) ? value.filter(isHashed) : [];
  } catch {
    return [];
  }
}

/** sha256 of a checkpoint's file. Throws UserError when it cannot be read. */
function hashOf(path: string): string {
  try {
    return sha256OfFile(path).sha256;
  } catch (error) {
    throw userError({
      where: path,
      what: `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
      expected: 'a file of a checkpoint',
    });
  }
}
