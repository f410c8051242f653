/** Removing runs: only from the results folder, never what a living runner holds, never the committed reference. */
import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isClaimed, takeClaim, type Claim } from '../claim';
import { keptManifest, runFolder, type RunFolder } from './folders';

/** In the results folder, hidden from all commands: what is being removed. A killed command may leave it behind. */
export const removedFolder = '.removed';

/** Longer than an untouched claim of another machine is watched before it counts as dead (src/claim.ts). */
const watchSeconds = 62;

/**
 * Does something to a run that no runner holds, under its claim. Where an ended process left a claim that may be of
 * another machine, it is watched first.
 * @returns false, with nothing done, for a run that is being trained
 */
async function unlessRunning(paths: RunFolder, work: (claim: Claim) => void): Promise<boolean> {
  const until = performance.now() + watchSeconds * 1000;
  for (;;) {
    if (isClaimed(paths.claim)) return false;
    const claim = takeClaim(paths.claim);
    if (claim !== null) {
      try {
        work(claim);
      } finally {
        claim.release();
      }
      return true;
    }
    if (performance.now() > until) return false;
    await sleep(500);
  }
}

/**
 * Removes a run's folder as a whole, and its experiment's when that is empty then; of a folder that is a link only the
 * link. False, with nothing done, while a runner holds the run. Throws UserError for a name that leads elsewhere.
 */
export async function removeRun(results: string, experiment: string, id: string): Promise<boolean> {
  const paths = runFolder(results, experiment, id);
  const entry = lstatSync(paths.folder, { throwIfNoEntry: false });
  if (entry === undefined) return true;
  if (entry.isSymbolicLink()) {
    if (isClaimed(paths.claim)) return false;
    rmSync(paths.folder);
  } else {
    const gone = join(results, removedFolder, randomUUID());
    const removed = await unlessRunning(paths, () => {
      mkdirSync(join(results, removedFolder), { recursive: true });
      // In one step: a folder is whole, or it is no run any more.
      renameSync(paths.folder, gone);
    });
    if (!removed) return false;
    rmSync(gone, { recursive: true, force: true });
    removeEmpty(join(results, removedFolder));
  }
  removeExperiment(join(results, experiment));
  return true;
}

/** Removes one file of a run, such as its best weights. False while a runner holds the run. */
export async function removeOfRun(results: string, experiment: string, id: string, file: 'best'): Promise<boolean> {
  const paths = runFolder(results, experiment, id);
  if (!existsSync(paths.folder)) return true;
  return unlessRunning(paths, () => rmSync(paths[file], { force: true }));
}

/** Removes the folder of an experiment in which no run and nothing of a person's is left. */
function removeExperiment(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).every((name) => name === keptManifest))
    rmSync(join(folder, keptManifest), { force: true });
  removeEmpty(folder);
}

/** Removes a folder that is empty; one that is not stays. */
export function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}
