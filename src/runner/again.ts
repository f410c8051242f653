/**
 * Training finished runs anew: the new run lies in a hidden folder of the results until it has finished; then it is
 * held against the old one and takes its place.
 */
import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { takeClaim } from '../claim';
import { sha256OfFile, writeWhole } from '../files';
import { runFolder, type RunFolder } from './folders';
import { followedRun, whereFinished } from './followed';
import { finishedRun, type IdentifiedRun } from './plan';
import { removeEmpty } from './removal';
import { runFileText } from './runFile';

/** In the results folder, hidden from all commands: runs that are trained again, an experiment a folder. */
const hidden = '.again';

/** The results folder of runs that are trained again. */
export const againFolder = (results: string): string => join(results, hidden);

/** Where the old run lies while the new one takes its place. */
const beforeOf = (again: RunFolder): string => `${again.folder}.before`;

/**
 * Makes the runs ready to be trained again: an exchange that was cut short is taken back, and runs that they follow are
 * found from there.
 */
export function prepareAgain(results: string, experiment: string, runs: readonly IdentifiedRun[]): void {
  const chosen = new Set(runs.map(({ id }) => id));
  for (const run of runs) {
    const [now, again] = [runFolder(results, experiment, run.id), runFolder(againFolder(results), experiment, run.id)];
    if (existsSync(beforeOf(again)) && !existsSync(now.runJson)) {
      rmSync(now.folder, { recursive: true, force: true });
      renameSync(beforeOf(again), now.folder);
    }
    const followed = followedRun(run);
    if (followed === null || chosen.has(followed.id)) continue;
    const where = whereFinished(results, experiment, followed);
    const link = runFolder(againFolder(results), experiment, followed.id).folder;
    if (where === undefined || lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve(runFolder(results, where, followed.id).folder), link);
  }
}

/** What a run that was trained again is beside the one before. */
export interface Comparison {
  id: string;
  /** files that differ; none: it came out equal, byte for byte */
  differs: string[];
}

const compared = ['journal', 'predictions', 'checkpoint', 'best'] as const;

/**
 * Puts a run that was trained again in the place of the one before, with a notice in run.json of how they compare. Null
 * where it has not finished, or another process holds the run.
 */
export function replaceByAgain(results: string, experiment: string, run: IdentifiedRun): Comparison | null {
  const file = finishedRun(againFolder(results), experiment, run);
  if (file === null) return null;
  const [before, again] = [runFolder(results, experiment, run.id), runFolder(againFolder(results), experiment, run.id)];
  const claim = takeClaim(before.claim);
  if (claim === null) return null;
  try {
    const differs = compared.flatMap((name) => {
      // What of the old run was removed since, such as its best weights, says nothing.
      if (!existsSync(before[name]) || !existsSync(again[name])) return [];
      const same = sha256OfFile(before[name]).sha256 === sha256OfFile(again[name]).sha256;
      return same ? [] : [again[name].slice(again.folder.length + 1)];
    });
    const notice =
      differs.length === 0
        ? 'trained again: equal to the run before it, byte for byte'
        : `trained again: ${differs.join(', ')} not as in the run before it`;
    writeWhole(again.runJson, runFileText({ ...file, notices: [...file.notices, notice] }));
    rmSync(beforeOf(again), { recursive: true, force: true });
    renameSync(before.folder, beforeOf(again));
    renameSync(again.folder, before.folder);
    rmSync(beforeOf(again), { recursive: true, force: true });
    return { id: run.id, differs };
  } finally {
    claim.release();
  }
}

/** Removes what only the training again needed: links to runs that are followed, and folders that are empty then. */
export function endAgain(results: string, experiment: string, runs: readonly IdentifiedRun[]): void {
  for (const run of runs) {
    const followed = followedRun(run);
    if (followed === null) continue;
    const link = runFolder(againFolder(results), experiment, followed.id).folder;
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true) rmSync(link);
  }
  removeEmpty(join(againFolder(results), experiment));
  removeEmpty(againFolder(results));
}
