/**
 * The folder of one run and the right to write into it. A worker may be slow enough for its runner to be taken for
 * dead: then another takes the run over, and the folder is that one's. Whatever is written asks first.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { holdsClaim } from '../claim';
import { writeWhole } from '../files';
import type { RunFolder } from './folders';
import { runFileText, type RunFile } from './runFile';

export interface RunWriter {
  paths: RunFolder;
  /** whether the claim is still held here */
  isOurs(): boolean;
  /** Throws Error when it is not. */
  check(): void;
  /** Writes run.json; throws Error when the claim is lost. */
  writeRunFile(file: RunFile): void;
  /**
   * Keeps how the code differs from its commit, behind what earlier attempts of the run have kept; null: it does not,
   * and a run that begins forgets what was kept. Throws as `check`.
   */
  keepDiff(diff: string | null, begins: boolean): void;
}

/** A writer for the run that was claimed with `token`. */
export function runWriter(paths: RunFolder, token: string): RunWriter {
  const isOurs = () => holdsClaim(paths.claim, token);
  const check = () => {
    if (!isOurs()) throw new Error('another runner took the run over while it was training here');
  };
  return {
    paths,
    isOurs,
    check,
    writeRunFile(file) {
      check();
      writeWhole(paths.runJson, runFileText(file));
    },
    keepDiff(diff, begins) {
      check();
      const before = begins || !existsSync(paths.diff) ? '' : readFileSync(paths.diff, 'utf8');
      if (begins) rmSync(paths.diff, { force: true });
      if (diff === null || before.endsWith(diff)) return;
      writeWhole(paths.diff, before === '' ? diff : `${before}\nthe run went on with this code:\n${diff}`);
    },
  };
}
