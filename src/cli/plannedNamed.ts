/** Runs of manifests as a person names them: for `why`, which asks for one that has not begun. */
import { loadManifest, type Manifest } from '../manifest/load';
import { profilesOf } from '../manifest/profiles';
import { UserError } from '../problems';
import type { IdentifiedRun } from '../runner/plan';
import type { Compared } from '../runner/relatives';
import { methodVersion } from '../version';
import { experimentsIn, listManifests, profilesIn } from './names';
import type { SweepOptions } from './options';
import { isNamed } from './runNames';
import { openSweep, planLoaded, type Sweep } from './sweep';

/** Options of `why`. */
export interface WhyOptions extends SweepOptions {
  manifest?: string;
  json?: boolean;
}

/** A run that is meant. */
export interface Found {
  id: string;
  experiment: string;
  state: string;
  why: string;
  description: string;
  compared: Compared | null;
}

/**
 * Runs of manifests, then of their profiles where none is named; of all manifests only those that can be read, since
 * another one's fault is not the question here. Throws UserError for a manifest that is named and cannot be read.
 */
export function findPlanned(name: string, options: WhyOptions): Found[] {
  const [, experiment, id] = /^(?:([^/]*)\/)?(.*)$/.exec(name)!;
  if (!/^[0-9a-f]*$/.test(id!)) return []; // no run is called so: the manifests need not be expanded
  if (options.manifest !== undefined) {
    const plain = namedIn(openSweep(options.manifest, options), name);
    if (plain.length > 0 || options.profile !== undefined) return plain;
    const found = (profile: string) => namedIn(openSweep(options.manifest!, { ...options, profile }), name);
    return profilesIn(options.manifest).flatMap(found);
  }
  const paths = listManifests().filter((path) => experiment === undefined || experimentsIn(path).includes(experiment));
  const manifests = paths.flatMap((path) => readable(() => loadManifest(path, options)) ?? []);
  const found = (manifest: Manifest): Found[] => {
    const sweep = readable(() => planLoaded(manifest, options));
    return sweep === null ? [] : namedIn(sweep, name);
  };
  const plain = manifests.flatMap(found);
  if (plain.length > 0 || options.profile !== undefined) return plain;
  return manifests.flatMap((manifest) =>
    Object.keys(profilesOf(manifest.content)).flatMap((profile) => found({ ...manifest, profile })),
  );
}

/** What `read` gives; null where it throws a UserError. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

const namedIn = ({ experiment, plan }: Sweep, name: string): Found[] =>
  plan
    .filter(({ id }) => isNamed(name, experiment, id))
    .map((run): Found => ({
      id: run.id,
      experiment,
      state: run.state,
      why: run.why,
      description: run.description,
      compared: comparedOfPlan(run),
    }));

const comparedOfPlan = (run: IdentifiedRun): Compared => ({
  spec: run.spec,
  data: run.data.identity,
  weights: run.weights,
  method: methodVersion,
  backend: run.arithmetic.class,
  parts: run.parts?.sha256,
  ...run.usedCode,
});
