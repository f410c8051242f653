/** Which manifest of experiments/ describes an experiment. */
import { experimentOf, type Manifest } from '../manifest/content';
import { UserError } from '../problems';
import { manifestOf } from '../runner/crate/content';
import { listManifests } from './sweep';

/** The manifest of experiments/ that describes an experiment. */
export function findManifest(experiment: string): Manifest | undefined {
  for (const path of listManifests()) {
    try {
      const manifest = manifestOf(path, experiment);
      if (experimentOf(manifest) === experiment) return manifest;
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // another manifest's fault is not the question here
    }
  }
  return undefined;
}
