/** Why a run is not the same as a finished one: the finished run that differs least, and in what. */
import { difference } from '../manifest/identity';
import { runKey } from '../manifest/profiles';
import type { RunSpec } from '../manifest/run';
import type { Code } from '../parts/code';
import type { RunFile } from './runFile';
import type { StoredRun } from './results';

/** One thing in which two runs differ: a field of the spec, or the data, the weights, the method, the backend. */
export interface Difference {
  field: string;
  here: unknown;
  there: unknown;
}

export interface Relative {
  experiment: string;
  id: string;
  differences: Difference[];
}

/** What is compared; of a run in the results, its run.json. */
export interface Compared {
  spec: RunSpec;
  data: string;
  weights: Record<string, string>;
  method: string | undefined;
  backend: string;
  /** sha256 of parts from outside this repository, by kind and name */
  parts?: Record<string, string> | undefined;
  /** hashes of the code of its parts and sets by file, where they are known */
  files?: Code | undefined;
  /** what of them is part of the identity */
  said?: Code | undefined;
}

export function comparedOf(file: RunFile): Compared {
  // A device's own description is no part of the class: only whether TensorFlow ran on a GPU is.
  const backend =
    file.machine.backend === 'tensorflow'
      ? `tensorflow-${file.machine.device === 'gpu' ? 'gpu' : 'cpu'}`
      : file.machine.backend;
  return {
    spec: file.spec,
    data: file.data.identity,
    weights: file.weights,
    method: file.code.method,
    backend,
    parts: file.parts,
    files: file.code.files,
    said: file.code.said,
  };
}

/**
 * Runs by what their manifests mean (`runKey`). A run.json is not checked to its depths: what cannot be read as a spec
 * is left out.
 */
export function filesByKey(files: readonly RunFile[]): Map<string, RunFile[]> {
  const byKey = new Map<string, RunFile[]>();
  for (const file of files) {
    const key = keyOf(file);
    if (key === null) continue;
    const alike = byKey.get(key);
    if (alike === undefined) byKey.set(key, [file]);
    else alike.push(file);
  }
  return byKey;
}

function keyOf({ spec }: RunFile): string | null {
  try {
    return runKey(spec);
  } catch {
    return null;
  }
}

/** Everything in which two runs differ; the fields of the spec first. */
export function differencesBetween(here: Compared, there: Compared): Difference[] {
  const differences: Difference[] = difference(here.spec, there.spec)
    .filter(({ field }) => field !== 'device')
    .map(({ field, a, b }) => ({ field, here: a, there: b }));
  if (here.data !== there.data)
    differences.push({ field: 'data', here: here.data.slice(0, 16), there: there.data.slice(0, 16) });
  for (const name of [...new Set([...Object.keys(here.weights), ...Object.keys(there.weights)])].sort()) {
    const [mine, other] = [here.weights[name], there.weights[name]];
    if (mine !== other)
      differences.push({ field: `weights of ${name}`, here: mine?.slice(0, 16), there: other?.slice(0, 16) });
  }
  differences.push(...differingParts(here.parts ?? {}, there.parts ?? {}));
  differences.push(
    ...changedFiles(here, there).map((file) => ({
      field: `code of ${file}`,
      here: here.files?.[file],
      there: there.files?.[file],
    })),
  );
  if (here.method !== there.method)
    differences.push({ field: 'method version', here: here.method, there: there.method });
  if (here.backend !== there.backend) differences.push({ field: 'backend', here: here.backend, there: there.backend });
  return differences;
}

/** Parts from outside this repository that two runs do not have alike. */
const differingParts = (here: Record<string, string>, there: Record<string, string>): Difference[] =>
  [...new Set([...Object.keys(here), ...Object.keys(there)])]
    .sort()
    .filter((label) => here[label] !== there[label])
    .map((label) => ({
      field: `your own ${label}`,
      here: here[label]?.slice(0, 16),
      there: there[label]?.slice(0, 16),
    }));

/**
 * The files whose code makes two runs differ, sorted: those of parts by what identities say of them, those of sets only
 * where the data differ and both runs know theirs.
 */
export function changedFiles(
  here: Pick<Compared, 'files' | 'said' | 'data'>,
  there: Pick<Compared, 'files' | 'said' | 'data'>,
): string[] {
  const differ = (a: Code = {}, b: Code = {}) =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((file) => a[file] !== b[file]);
  const sets =
    here.data === there.data || here.files === undefined || there.files === undefined
      ? []
      : differ(here.files, there.files).filter((file) => file.startsWith('src/data/'));
  return [...new Set([...differ(here.said, there.said), ...sets])].sort();
}

/**
 * The finished run that differs in the fewest things; the first by experiment and id among equals; null when none is
 * finished.
 */
export function nearestRelative(id: string, compared: Compared, runs: readonly StoredRun[]): Relative | null {
  let nearest: Relative | null = null;
  for (const run of runs) {
    if (run.state !== 'done' || run.file === null || run.id === id) continue;
    const differences = differencesBetween(compared, comparedOf(run.file));
    if (nearest === null || differences.length < nearest.differences.length)
      nearest = { experiment: run.experiment, id: run.id, differences };
  }
  return nearest;
}
