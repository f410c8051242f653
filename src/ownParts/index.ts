/**
 * Parts of a user's own, from a folder outside this repository that the command line names with `--parts`; a manifest
 * never does, so that it stays safe to open. Each file of the folder defines one part; it is checked, registered before
 * the first manifest is read, and the hash of its content enters the identity of the runs that use it.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { RegulariserPart } from '../balance/regulariser';
import { registerRegulariser } from '../balance/regularisers';
import { registerScheduler, type SchedulerPart } from '../balance/schedulers';
import { registerEncoder, type EncoderTower } from '../models/zoo/encoders';
import { registerConnector, type ConnectorPart } from '../models/zoo/connectors';
import { UserError, userError, type Problem } from '../problems';
import { moduleFolder, type ModuleFolder } from '../userModules';
import * as api from './api';
import { connectorFault, formFault, regulariserFault, schedulerFault, towerFault } from './trial';

const kinds = ['scheduler', 'regulariser', 'connector', 'tower'] as const;

export interface OwnPart {
  kind: (typeof kinds)[number];
  /** as manifests say it */
  name: string;
  about: string;
  /** its file's name in the folder */
  file: string;
  /** of the file, or of it with all that it imports */
  sha256: string;
}

/** The parts of its own that a run uses: hashes by kind and name, e.g. `scheduler brake`, and where they were found. */
export interface UsedParts {
  folder: string;
  sha256: Record<string, string>;
  /** their files in the folder, by kind and name */
  files: Record<string, string>;
}

let loaded: { folder: string; parts: readonly OwnPart[] } | undefined;

/** The parts that were loaded; none without `--parts`. */
export const ownParts = (): readonly OwnPart[] => loaded?.parts ?? [];

/** What a spec says of the kinds of which a user may have parts. */
export interface NamesOfParts {
  scheduler: { kind: string };
  regulariser: { kind: string };
  connector: { kind: string };
  encoder: string;
}

/** The user's own parts among those of a run; undefined for none. */
export function usedParts({ scheduler, regulariser, connector, encoder }: NamesOfParts): UsedParts | undefined {
  if (loaded === undefined) return undefined;
  const names = {
    scheduler: scheduler.kind,
    regulariser: regulariser.kind,
    connector: connector.kind,
    tower: encoder,
  };
  const used = loaded.parts.filter(({ kind, name }) => names[kind] === name);
  if (used.length === 0) return undefined;
  return {
    folder: loaded.folder,
    sha256: Object.fromEntries(used.map((part) => [labelOf(part), part.sha256])),
    files: Object.fromEntries(used.map((part) => [labelOf(part), part.file])),
  };
}

const labelOf = ({ kind, name }: Pick<OwnPart, 'kind' | 'name'>): string => `${kind} ${name}`;

/**
 * Loads, checks and registers every part of a folder, once a process. `tried`: another process has made the trial
 * calls.
 * @throws UserError with every fault of the folder: not there, without parts, or a file that does not fit
 */
export function loadParts(folder: string, options: { tried?: boolean } = {}): readonly OwnPart[] {
  const root = realFolder(folder);
  if (loaded !== undefined) {
    if (loaded.folder === root) return loaded.parts;
    throw userError({
      where: '--parts',
      what: `the parts of ${loaded.folder} are loaded already`,
      expected: 'one folder',
    });
  }
  const files = readdirSync(root)
    .filter((name) => /\.(ts|js|cjs)$/.test(name) && !/\.(d|test)\.ts$/.test(name))
    .sort();
  if (files.length === 0)
    throw userError({ where: root, what: 'holds no part', expected: 'a file .ts, .js or .cjs for each part' });
  const modules = moduleFolder(root, { 'equipoise/parts': api });
  const problems: Problem[] = [];
  const parts = files.flatMap((file): OwnPart[] => {
    try {
      return [partOf(modules, root, file, options.tried !== true)];
    } catch (error) {
      problems.push(...problemsOf(join(root, file), error));
      return [];
    }
  });
  modules.seal();
  if (problems.length > 0) throw new UserError(problems);
  loaded = { folder: root, parts };
  return parts;
}

/** Loads the parts that a run was planned with. Throws UserError when they are missing or are not the same. */
export function loadUsedParts({ folder, sha256 }: UsedParts): void {
  loadParts(folder, { tried: true });
  const fault = changedPart(sha256);
  if (fault !== null)
    throw userError({ where: folder, what: `${fault} since the run was planned`, hint: 'run the command again' });
}

/** What of the parts with these hashes is missing here or has changed, in words; null when all are as they were. */
export function changedPart(sha256: Readonly<Record<string, string>>): string | null {
  for (const [label, hash] of Object.entries(sha256)) {
    const here = ownParts().find((part) => labelOf(part) === label);
    if (here === undefined) return `${label} is missing`;
    if (here.sha256 !== hash) return `${label} has changed (${here.file})`;
  }
  return null;
}

function realFolder(folder: string): string {
  const path = resolve(folder);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw userError({ where: '--parts', what: `${path} is no folder`, expected: 'the folder of your own parts' });
  return realpathSync(path);
}

/** One file's part, registered. Throws UserError and whatever the file throws. */
function partOf(modules: ModuleFolder, root: string, file: string, tryIt: boolean): OwnPart {
  const path = realpathSync(join(root, file));
  const given = modules.load(path);
  const exported = kinds.filter((kind) => given[kind] !== undefined);
  if (exported.length !== 1)
    throw userError({
      where: path,
      what: exported.length === 0 ? 'exports no part' : `exports ${exported.join(' and ')}`,
      expected: `one of ${kinds.join(', ')}`,
    });
  const kind = exported[0]!;
  const part = given[kind];
  const name = kind === 'tower' ? (Object(part) as Partial<EncoderTower>).name : given['name'];
  const fault = typeof name !== 'string' ? 'has no name' : kind === 'tower' ? null : formFault(part);
  if (fault !== null || typeof name !== 'string')
    throw userError({ where: path, what: fault ?? 'has no name', expected: `a part as ${shownIn}` });
  const { files } = given;
  const more = Array.isArray(files) ? files.map(String) : [];
  const sha256 = modules.hashOf(path, more);
  const trial = tryIt ? faultOf(kind, part) : null;
  if (trial !== null) throw userError({ where: path, what: trial, expected: `a part as ${shownIn}` });
  enter(kind, name, part, sha256);
  return { kind, name, about: (part as { about: string }).about, file: basename(file), sha256 };
}

const shownIn = 'docs/extending.md shows one';

/** The part's type holds because its form was checked. */
function faultOf(kind: OwnPart['kind'], part: unknown): string | null {
  switch (kind) {
    case 'scheduler':
      return schedulerFault(part as SchedulerPart);
    case 'regulariser':
      return regulariserFault(part as RegulariserPart);
    case 'connector':
      return connectorFault(part as ConnectorPart);
    case 'tower':
      return towerFault(part as EncoderTower);
  }
}

/** Its own hash is its code: whatever file it says is none of this repository. */
function enter(kind: OwnPart['kind'], name: string, given: unknown, code: string): void {
  const part = { ...(given as object), file: undefined };
  switch (kind) {
    case 'scheduler':
      return registerScheduler(name, part as unknown as SchedulerPart);
    case 'regulariser':
      return registerRegulariser(name, part as unknown as RegulariserPart);
    case 'connector':
      return registerConnector(name, part as unknown as ConnectorPart);
    case 'tower':
      return registerEncoder({ ...(part as unknown as EncoderTower), code });
  }
}

/** A fault of a user's file is the user's to mend, whatever it threw. */
function problemsOf(where: string, error: unknown): Problem[] {
  if (error instanceof UserError)
    return error.problems.map((problem) => ({ ...problem, where: problem.where || where }));
  return [{ where, what: error instanceof Error ? error.message : String(error), expected: `a part as ${shownIn}` }];
}
