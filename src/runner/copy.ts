/** A finished run of another experiment becomes a run of this one: same identity, same run. */
import { constants, copyFileSync, existsSync, rmSync } from 'node:fs';
import { writeWhole } from '../files';
import { userError } from '../problems';
import { runFolder } from './folders';
import type { IdentifiedRun } from './plan';
import { finishedRun } from './plan';
import { runFileText } from './runFile';

/**
 * Copies journal, weights, predictions and log, and run.json last, with a notice of where it was trained. The caller
 * holds the claim. Throws UserError when the finished run is no longer there.
 */
export function copyFinished(results: string, from: string, to: string, run: IdentifiedRun): void {
  const file = finishedRun(results, from, run);
  if (file === null)
    throw userError({ where: `${from}/${run.id}`, what: 'is no longer a finished run', hint: 'run the command again' });
  const source = runFolder(results, from, run.id);
  const target = runFolder(results, to, run.id);
  rmSync(target.runJson, { force: true });
  for (const name of ['journal', 'checkpoint', 'best', 'predictions', 'log', 'diff'] as const) {
    rmSync(target[name], { force: true });
    if (existsSync(source[name])) copyFileSync(source[name], target[name], constants.COPYFILE_FICLONE);
  }
  writeWhole(
    target.runJson,
    runFileText({
      ...file,
      experiment: to,
      notices: [...file.notices, `copied from experiment ${from}, which trained it`],
    }),
  );
}
