/** Which manifest describes an experiment: the one that lies beside its runs, else one of experiments/. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { experimentOf, type Manifest } from '../manifest/content';
import { UserError } from '../problems';
import { manifestOf } from '../runner/crate/content';
import { keptManifest, resultsFolder } from '../runner/folders';
import { listManifests } from './names';

/** The manifest that describes an experiment. */
export function findManifest(experiment: string): Manifest | undefined {
  const kept = join(resultsFolder(), experiment, keptManifest);
  for (const path of [...(existsSync(kept) ? [kept] : []), ...listManifests()]) {
    try {
      const manifest = manifestOf(path, experiment);
      if (experimentOf(manifest) === experiment) return manifest;
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // another manifest's fault is not the question here
    }
  }
  return undefined;
}
