/** Which runs of an experiment's folder count, and why the others do not: nothing is left out without a word. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../src/files';
import type { RunSpec } from '../src/manifest/run';
import { userError } from '../src/problems';
import { readRunFile } from '../src/runner/folders';
import { grouped } from './grouped';
import type { RunFile } from '../src/runner/runFile';
import { staleReason } from '../src/runner/stale';

/** A folder that gives nothing to the figures, by its name, with one sentence that says why. */
export interface IgnoredRun {
  id: string;
  reason: string;
}

/** A finished run and where its journal lies. */
export interface FoundRun {
  file: RunFile;
  journal: string;
}

/** What the labels need of a specification beyond what the runner's reader has checked. */
function specFault(spec: RunSpec): string | null {
  for (const part of ['scheduler', 'regulariser'] as const) {
    if (typeof spec[part].kind !== 'string') return `its spec.${part}.kind is not a string`;
  }
  for (const module of ['encoder', 'backbone'] as const) {
    if (!(Number.isFinite(spec.learningRate[module]) && spec.learningRate[module] > 0))
      return `its spec.learningRate.${module} is not a positive number`;
  }
  return Number.isInteger(spec.seed) ? null : 'its spec.seed is not a whole number';
}

function reasonToIgnore(file: RunFile, name: string): string | null {
  if (file.id !== name) return `run.json names another run, ${file.id}`;
  if (file.status === 'running') return `not finished: at step ${file.step} of ${file.steps}`;
  if (file.status === 'failed') return `failed: ${file.failure ?? 'no reason given'}`;
  const fault = specFault(file.spec);
  return fault === null ? null : `run.json cannot be used: ${fault}`;
}

/**
 * Of runs with equal specifications (by other code, data or weights) one counts: the one that its manifest would give now,
 * and among several or none such the one that finished last.
 */
function dropSuperseded(found: FoundRun[], ignored: IgnoredRun[]): FoundRun[] {
  const finished = ({ file }: FoundRun) => `${file.times.finished ?? ''} ${file.id}`;
  const dropped = new Set<FoundRun>();
  for (const alike of grouped(found, ({ file }) => canonicalJson(file.spec)).filter(({ length }) => length > 1)) {
    const [counted, ...others] = alike
      .map((run) => ({ run, stale: staleReason(run.file) }))
      .sort(
        (a, b) => Number(a.stale !== null) - Number(b.stale !== null) || (finished(a.run) < finished(b.run) ? 1 : -1),
      );
    for (const { run, stale } of others) {
      dropped.add(run);
      const why = stale !== null && counted!.stale === null ? `since ${stale} after this one` : 'which finished later';
      ignored.push({ id: run.file.id, reason: `same specification as ${counted!.run.file.id}, ${why}` });
    }
  }
  return found.filter((run) => !dropped.has(run));
}

/**
 * The finished runs of `folder` (results/<experiment>) in order of id, and the others with reasons. Where `asked` says
 * which are meant, others are set aside too. Throws a UserError when the folder cannot be listed.
 */
export function readRuns(
  folder: string,
  asked?: (file: RunFile) => boolean,
): { runs: FoundRun[]; ignored: IgnoredRun[] } {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw userError({
      where: folder,
      what: 'no such folder',
      expected: 'results/<experiment> with a folder for each run',
      hint: 'train first: equipoise run',
    });
  }
  const found: FoundRun[] = [];
  const ignored: IgnoredRun[] = [];
  const names = readdirSync(folder)
    .filter((name) => !name.startsWith('.') && statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory())
    .sort();
  for (const name of names) {
    const read = readRunFile(join(folder, name, 'run.json'));
    const journal = join(folder, name, 'metrics.jsonl');
    if (read.state !== 'read') {
      ignored.push({
        id: name,
        reason: read.state === 'absent' ? 'no run.json' : `run.json cannot be used: ${read.why}`,
      });
      continue;
    }
    const reason = reasonToIgnore(read.file, name);
    if (reason !== null) ignored.push({ id: name, reason });
    else if (asked?.(read.file) === false) ignored.push({ id: name, reason: 'not among the runs asked for' });
    else if (!existsSync(journal)) ignored.push({ id: name, reason: 'no metrics.jsonl' });
    else found.push({ file: read.file, journal });
  }
  const runs = dropSuperseded(found, ignored);
  const byId = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return { runs: runs.sort((a, b) => byId(a.file.id, b.file.id)), ignored: ignored.sort((a, b) => byId(a.id, b.id)) };
}
