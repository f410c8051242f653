/** The code of every part of this repository: what `npm run code` lists, and what a package is built with. */
import { regulariserFile, regularisers } from '../balance/regularisers';
import { schedulerFile, schedulers } from '../balance/schedulers';
import { setFiles, setTasks } from '../data';
import { readers } from '../data/readers';
import { releasedSetFile } from '../data/readers/releasedSet';
import { codeOfSet } from '../data/sets/store';
import { codeOfModel, familiesFile } from '../models/inputs/modelCode';
import { backboneRegistry } from '../models/zoo/backbones';
import { connectorFile, connectors } from '../models/zoo/connectors';
import { encoderRegistry } from '../models/zoo/encoders';
import { projectPath, type Code, type KnownCode } from '../parts/code';
import { codeOfOptimisers, optimiserFile } from '../tensor/optimiserCode';
import { optimisers, type OptimiserSpec } from '../tensor/optimiserKinds';
import { codeOfBalance } from './usedCode';

const optimiserKinds = Object.keys(optimisers) as OptimiserSpec['kind'][];

/** A part with its code. */
export interface PartCode {
  /** e.g. `scheduler commit` */
  part: string;
  /** the file that defines it */
  file: string;
  code: Code;
}

/** All parts of this repository. Throws Error for one that does not say its file. */
export function partCodes(): PartCode[] {
  const of = (
    kind: string,
    name: string,
    file: string | undefined,
    codeOfFiles: (files: string[]) => Code,
  ): PartCode => {
    if (file === undefined) throw new Error(`${kind} ${name} does not say its file: add "file: __filename" to it`);
    return { part: `${kind} ${name}`, file: projectPath(file), code: codeOfFiles([file]) };
  };
  const ofSet = (files: readonly string[]) => codeOfSet({ files });
  return [
    ...Object.keys(schedulers).map((name) => of('scheduler', name, schedulerFile(name), codeOfBalance)),
    ...Object.keys(regularisers)
      .filter((kind) => regulariserFile({ kind }) !== undefined)
      .map((kind) => of('regulariser', kind, regulariserFile({ kind }), codeOfBalance)),
    ...Object.keys(connectors).map((name) => of('connector', name, connectorFile(name), codeOfModel)),
    ...Object.values(encoderRegistry).map(({ name, file }) => of('encoder', name, file, codeOfModel)),
    ...Object.values(backboneRegistry).map(({ name, file }) => of('backbone', name, file, codeOfModel)),
    ...optimiserKinds.map((kind) => of('optimiser', kind, optimiserFile(kind), () => codeOfOptimisers([kind]))),
    of('checkpoints of', 'published families', familiesFile, codeOfModel),
    ...setTasks.map((task) => of('set', task, setFiles(task)[0], ofSet)),
    ...Object.entries(readers).map(([format, { file }]) => of('reader', format, file, ofSet)),
    of('sets of', 'released files', releasedSetFile, ofSet),
  ];
}

/** A file of a part whose code is not in the list. */
export interface UnlistedFile {
  file: string;
  sha256: string;
  /** the parts that need it */
  parts: string[];
  /** the list has it with other code; or a part that is in the list needs it now */
  existed: boolean;
}

/** The files of parts whose code the list lacks, sorted. */
export function unlistedFiles(parts: readonly PartCode[], list: KnownCode): UnlistedFile[] {
  const found = new Map<string, UnlistedFile>();
  for (const { part, file: own, code } of parts)
    for (const [file, sha256] of Object.entries(code)) {
      if (list[file]?.includes(sha256) === true) continue;
      const before = found.get(file) ?? { file, sha256, parts: [], existed: list[file] !== undefined };
      found.set(file, {
        ...before,
        parts: [...before.parts, part],
        existed: before.existed || list[own] !== undefined,
      });
    }
  return [...found.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}

/**
 * The list with the code that it lacks. `same`: it counts as the code that was listed before, so identities stay as
 * they are, and what a new part brings says its own hash; `changed`: identities say the new code.
 */
export function listed(list: KnownCode, unlisted: readonly UnlistedFile[], as: 'same' | 'changed'): KnownCode {
  const added = unlisted.map(({ file, sha256, existed }): [string, KnownCode[string]] => {
    const before = list[file];
    if (as === 'changed' || !existed) return [file, [sha256]];
    return [file, before === undefined ? [null, sha256] : [before[0], ...before.slice(1).map(String), sha256]];
  });
  const files = { ...list, ...Object.fromEntries(added) };
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The list of a new version of the method: what was said of code before it is said by the version from now on. */
export const listedAnew = (parts: readonly PartCode[]): KnownCode =>
  Object.fromEntries(
    [...new Map(parts.flatMap(({ code }) => Object.entries(code)))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([file, sha256]) => [file, [null, sha256]]),
  );
