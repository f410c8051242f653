/** From a manifest to its runs with identities and states: what `plan` prints and `run` begins with. */
import { experimentOf, type Manifest } from '../manifest/content';
import { expand } from '../manifest/expand';
import type { DeviceRequest } from '../manifest/run';
import type { BackendRequest } from '../tensor/backend';
import { resultsFolder } from './folders';
import { checkFollowed } from './followed';
import { identifyRuns } from './identify';
import { planRuns, type IdentifiedRun, type PlannedRun } from './plan';

export interface PlanOptions {
  /** which library computes; `auto`, the default: tensorflow where it is linked, else wasm */
  backend?: BackendRequest['name'];
  /** instead of what the manifest asks for */
  device?: DeviceRequest;
  /** threads of each run, default 1; another number makes other runs */
  threads?: number;
  /** the results folder; default: EQUIPOISE_RESULTS, else `results` of the project or the working folder */
  results?: string;
}

export interface Plan {
  /** name of the experiment's folder below the results */
  experiment: string;
  results: string;
  runs: IdentifiedRun[];
  /** the same runs with their states, in the same order */
  plan: PlannedRun[];
}

/**
 * The runs of a loaded manifest under its profile, each once, with identity and state. Writes nothing, uses no network.
 * Throws UserError for a task, encoder or backbone that no room knows, for a backend or device that is not there, and
 * for a run that follows one that is not.
 */
export function planManifest(manifest: Manifest, options: PlanOptions = {}): Plan {
  const { backend = 'auto', device, threads, results = resultsFolder() } = options;
  const specs = expand(manifest).map((spec) => (device === undefined ? spec : { ...spec, device }));
  const runs = identifyRuns(specs, backend, threads);
  const experiment = experimentOf(manifest);
  checkFollowed(results, experiment, runs);
  return { experiment, results, runs, plan: planRuns(results, experiment, runs) };
}
