/**
 * Where an interrupted run goes on: its newest usable checkpoint, the journal cut back to it, and what came after set
 * aside.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../files';
import {
  newestCheckpoint,
  originDifferences,
  pruneCheckpoints,
  type CheckpointOrigin,
  type StoredCheckpoint,
} from './checkpoints';
import { readEvaluated } from './evaluated';
import type { RunFolder } from './folders';
import { continueJournal, createJournal, wholeLines, type Journal } from './journal';

export interface ResumePoint {
  /** null: from the first step */
  from: StoredCheckpoint | null;
  journal: Journal;
  /** for run.json */
  notices: string[];
}

/**
 * Opens the folder of a run that is claimed here: new, or interrupted at any moment. No record that was written is
 * lost.
 */
export function resumePoint(paths: RunFolder, identity: string, origin: CheckpointOrigin): ResumePoint {
  mkdirSync(paths.folder, { recursive: true });
  for (const file of readdirSync(paths.folder))
    if (file.endsWith('.tmp') && !file.startsWith('claim')) rmSync(join(paths.folder, file), { force: true });
  for (const name of ['checkpoint', 'predictions'] as const) rmSync(paths[name], { force: true }); // of an attempt that ended before run.json said done
  const lines = wholeLines(paths.journal);
  const { found, refused } = newestCheckpoint(paths.checkpoints, identity, lines);
  setAside(paths.previous, lines);
  const notices = [...refused];
  if (refused.length > 0)
    notices.push(
      found === null
        ? 'no checkpoint could be used: trained again from the first step'
        : `the checkpoint of step ${found.checkpoint.loop.step} was used instead`,
    );
  if (found === null) {
    rmSync(paths.journal, { force: true });
    return { from: null, journal: createJournal(paths.journal), notices };
  }
  pruneCheckpoints(paths.checkpoints, [found.name]);
  const differences = originDifferences(found.origin, origin);
  if (differences.length > 0)
    notices.push(
      `resumed at step ${found.checkpoint.loop.step} under other conditions than it was begun, so it need not be exact: ${differences.join('; ')}`,
    );
  const { found: evaluated, refused: unusable } = readEvaluated(paths.checkpoints, found, identity, origin);
  if (unusable !== null) notices.push(unusable);
  if (evaluated !== null) {
    found.checkpoint.evaluated = evaluated;
    notices.push(
      `an evaluation after step ${found.checkpoint.loop.step} was interrupted; it went on after its first ${evaluated.batches.length} batches`,
    );
  }
  return { from: found, journal: continueJournal(paths.journal, lines.subarray(0, found.journal.bytes)), notices };
}

/**
 * Keeps the longest journal of all interrupted attempts, for comparison. Of two that contradict each other the longer
 * stays.
 */
function setAside(previous: string, lines: Uint8Array): void {
  if (lines.length > wholeLines(previous).length) writeWhole(previous, lines);
}

/**
 * Compares a finished journal with the longest one of the interrupted attempts: a run is a function of its identity, so
 * it must repeat their records. `notice` is null for a run that was never interrupted.
 */
export function repetition(paths: RunFolder): { notice: string | null; same: boolean } {
  if (!existsSync(paths.previous)) return { notice: null, same: true };
  const before = readFileSync(paths.previous, 'utf8').split('\n').slice(0, -1);
  const now = readFileSync(paths.journal, 'utf8').split('\n');
  const differs = before.findIndex((line, index) => line !== now[index]);
  if (differs < 0)
    return { notice: `an earlier attempt ended early; its ${before.length} records were repeated exactly`, same: true };
  return {
    notice: `an earlier attempt ended early; record ${differs + 1} of its ${before.length} was not repeated exactly: the code has changed since, or the run is not deterministic on this machine; they stay in metrics.previous.jsonl`,
    same: false,
  };
}
