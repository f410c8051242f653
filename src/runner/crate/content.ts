/**
 * What a crate holds: one manifest, a finished run for each of its combinations, and the data manifests that they read.
 */
import type { Manifest } from '../../manifest/content';
import { expand } from '../../manifest/expand';
import { describeRun, runIdentity } from '../../manifest/identity';
import { loadManifest } from '../../manifest/load';
import { runKey } from '../../manifest/profiles';
import type { RunSpec } from '../../manifest/run';
import { setSources } from '../../data';
import { metricSources } from '../../data/textMetric';
import { tasksOf, weightSources } from '../identify';
import { comparedOf, filesByKey } from '../relatives';
import type { RunFile } from '../runFile';

/** A finished run and the combination of the manifest that it is. */
export interface CrateRun {
  file: RunFile;
  spec: RunSpec;
  description: string;
}

/**
 * Opens a manifest under the profile that an experiment's name says. Throws UserError with every problem of the file,
 * or for another experiment's manifest.
 */
export function manifestOf(path: string, experiment: string): Manifest {
  const plain = loadManifest(path);
  if (plain.name === experiment || !experiment.startsWith(`${plain.name}-`)) return plain;
  return loadManifest(path, { profile: experiment.slice(plain.name.length + 1) });
}

/**
 * Pairs the combinations of a manifest with finished runs, by identity: what the manifest says together with the data,
 * weights, method and arithmetic that run.json states must give the run's identity. Of several runs of one combination
 * (another method or arithmetic) the one that finished last counts, as in the figures.
 * @returns `lacking`: combinations without a run, in words; `surplus`: runs that are none of the combinations, or not
 * the last
 */
export function pairRuns(
  manifest: Manifest,
  files: readonly RunFile[],
): { runs: CrateRun[]; lacking: string[]; surplus: RunFile[] } {
  const byKey = filesByKey(files);
  const ended = (file: RunFile) => `${file.times.finished ?? ''} ${file.id}`;
  const runs: CrateRun[] = [];
  const lacking: string[] = [];
  for (const spec of expand(manifest)) {
    const file = (byKey.get(runKey(spec)) ?? [])
      .filter((each) => each.status === 'done' && identityFrom(spec, each) === each.identity)
      .sort((a, b) => (ended(a) < ended(b) ? 1 : -1))[0];
    if (file === undefined) lacking.push(describeRun(spec));
    else runs.push({ file, spec, description: describeRun(spec) });
  }
  const used = new Set(runs.map(({ file }) => file));
  return {
    runs: runs.sort((a, b) => (a.file.id < b.file.id ? -1 : 1)),
    lacking,
    surplus: files.filter((file) => !used.has(file)),
  };
}

function identityFrom(spec: RunSpec, file: RunFile): string {
  const { data, weights, method, backend, parts, said } = comparedOf(file);
  return runIdentity(spec, { data, weights, methodVersion: method ?? '', backend, parts, code: said }).identity;
}

/**
 * Names of the data manifests that a run reads, for its questions, its weights and its metrics, sorted. Throws UserError
 * for a name that no room knows.
 */
export function sourcesOf(spec: RunSpec): string[] {
  const byTask = tasksOf(spec).flatMap((task) => [...setSources(task), ...metricSources(task)]);
  return [...new Set([...byTask, ...weightSources(spec)])].sort();
}
