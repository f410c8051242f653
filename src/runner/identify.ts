/**
 * From what a manifest says to runs with identities: looks up the data, the weights and the method that a result
 * depends on.
 */
import { checkpointIdentity, isOwnCheckpoint, openCheckpointFolder } from '../sources/checkpoints';
import { loadSet, setIdentity } from '../data';
import { fetchLibrary, libraryOf, type Library } from '../sources/libraries';
import { openSource, sourceIdentity } from '../sources/sources';
import type { FetchOptions } from '../sources/content';
import type { OnProgress } from '../data/sets/generator';
import { canonicalJson, sha256 } from '../files';
import { describeRun, runIdentity } from '../manifest/identity';
import type { DeviceRequest, RunSpec } from '../manifest/run';
import { taskModality } from '../manifest/taskManifest';
import { backboneSource } from '../models/zoo/backbones';
import { connectorSources } from '../models/zoo/connectors';
import { findEncoder, towerSources } from '../models/zoo/encoders';
import { usedParts } from '../ownParts';
import { exitCode, UserError, type Problem } from '../problems';
import { problemsOfAll } from '../sources/unreachable';
import type { BackendRequest } from '../tensor/backend';
import { precisionFault } from '../tensor/precision';
import { usedCode } from '../train/usedCode';
import { methodVersion } from '../version';
import { chooseArithmetic } from './arithmetic';
import type { IdentifiedRun } from './plan';

/**
 * The runs with their identities, in order; specs of equal identity become one run. Needs no network.
 * Throws UserError for a task, encoder or backbone that no room knows, and for a backend, device or number of threads
 * that is not there, and for a backend that lacks the precision.
 */
export function identifyRuns(specs: readonly RunSpec[], backend: BackendRequest['name'], threads = 1): IdentifiedRun[] {
  const dataOf = remember((task: string) => setIdentity(task));
  const weightOf = remember((source: string) => sourceIdentity(source));
  const checkpointOf = remember((name: string) => checkpointIdentity(name));
  const plain = remember((device: DeviceRequest) => chooseArithmetic({ backend, device, threads }));
  const fused = remember((device: DeviceRequest) => chooseArithmetic({ backend, device, threads, kernels: 'fused' }));
  const runs = new Map<string, IdentifiedRun>();
  for (const spec of specs) {
    const weights = weightsOf(spec, weightOf, checkpointOf);
    const data = dataIdentity(spec, dataOf);
    const arithmetic = (spec.kernels === 'fused' ? fused : plain)(spec.device);
    if (spec.precision === 'bfloat16' && arithmetic.backend !== 'tensorflow') throw precisionFault(arithmetic.backend);
    const parts = usedParts(spec);
    const code = usedCode(spec, tasksOf(spec));
    const { identity, id } = runIdentity(spec, {
      data,
      weights,
      methodVersion,
      backend: arithmetic.class,
      parts: parts?.sha256,
      code: code.said,
    });
    if (!runs.has(id))
      runs.set(id, {
        id,
        identity,
        spec,
        description: describeRun(spec),
        data: { task: spec.task, identity: data },
        weights,
        arithmetic,
        usedCode: code,
        ...(parts === undefined ? {} : { parts }),
      });
  }
  return [...runs.values()];
}

/**
 * The identity that a run planned earlier has with the method, data and weights of now. Throws UserError for a name
 * that no room knows.
 */
export function identityNow({ spec, arithmetic }: Pick<IdentifiedRun, 'spec' | 'arithmetic'>): string {
  const weights = weightIdentities(spec);
  const data = dataIdentity(spec, (task) => setIdentity(task));
  const parts = usedParts(spec)?.sha256;
  const code = usedCode(spec, tasksOf(spec)).said;
  return runIdentity(spec, { data, weights, methodVersion, backend: arithmetic.class, parts, code }).identity;
}

/** The tasks whose sets a run reads: its own, then those that it is only evaluated on. */
export const tasksOf = ({ task, evaluate }: RunSpec): string[] => [task, ...(evaluate.transfer ?? [])];

/** Identity of all data that a result depends on; `of` gives that of one task's set. */
export function dataIdentity(spec: RunSpec, of: (task: string) => string): string {
  const sets = tasksOf(spec).map((task) => of(task));
  return sets.length === 1 ? sets[0]! : sha256(canonicalJson(sets));
}

/** Identity of each set of weights that a result depends on, by name: of sources, or of the run's checkpoint. */
function weightsOf(
  spec: RunSpec,
  ofSource: (name: string) => string,
  ofCheckpoint: (name: string) => string,
): Record<string, string> {
  if (spec.checkpoint !== undefined) return { [spec.checkpoint]: ofCheckpoint(spec.checkpoint) };
  return Object.fromEntries(weightSources(spec).map((source) => [source, ofSource(source)]));
}

/** The same as they are now. Throws UserError for a name that no room knows. */
export const weightIdentities = (spec: RunSpec): Record<string, string> =>
  weightsOf(spec, sourceIdentity, checkpointIdentity);

/**
 * Names of the data manifests of a run's weights, sorted; none for a checkpoint of the user's own. Throws UserError for
 * a checkpoint, encoder or backbone that no room knows.
 */
export function weightSources(spec: RunSpec): string[] {
  if (spec.checkpoint !== undefined) return isOwnCheckpoint(spec.checkpoint) ? [] : [spec.checkpoint];
  return [
    ...new Set([
      backboneSource(spec.backbone),
      ...towerSources(findEncoder(spec.encoder)),
      ...connectorSources(spec.connector),
    ]),
  ].sort();
}

/** A function that is asked once for each name. */
export function remember<K, T>(of: (name: K) => T): (name: K) => T {
  const known = new Map<K, T>();
  return (name) => {
    const value = known.get(name) ?? of(name);
    known.set(name, value);
    return value;
  };
}

/** What the data rooms tell while they fetch and generate. */
export interface PrepareOptions {
  onFetch?: FetchOptions['onProgress'];
  onGenerate?: (task: string, ...progress: Parameters<OnProgress>) => void;
}

/** What came of fetching and generating. */
export interface Prepared {
  /** why something is not there, one for each registry that did not answer */
  problems: Problem[];
  /** exit code that fits them */
  code: number;
  /** whether a run has all that it reads */
  someReady: boolean;
}

/**
 * Fetches and generates everything that the runs read, one after the other, so that workers find it in the cache.
 * What fails does not keep the rest.
 */
export async function prepareRuns(runs: readonly { spec: RunSpec }[], options: PrepareOptions = {}): Promise<Prepared> {
  const failed = new Map<string, UserError>();
  const attempt = async (kind: Kind, names: readonly string[], work: (name: string) => Promise<unknown>) => {
    for (const name of [...new Set(names)].sort())
      try {
        await work(name);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed.set(`${kind} ${name}`, error);
      }
  };
  const all = runs.map(({ spec }) => namesOf(spec));
  const named = (kind: Kind) => all.flatMap((each) => each[kind]);
  await attempt('source', named('source'), (name) => openSource(name, { onProgress: options.onFetch }));
  await attempt('checkpoint', named('checkpoint'), (name) => openCheckpointFolder(name));
  await attempt('task', named('task'), (name) =>
    loadSet(name, (...progress) => options.onGenerate?.(name, ...progress)),
  );
  await attempt('library', named('library'), (name) => fetchLibrary(name as Library));
  const errors = [...failed.values()];
  const isReady = (names: Record<Kind, readonly string[]>) =>
    kinds.every((kind) => names[kind].every((name) => !failed.has(`${kind} ${name}`)));
  return {
    problems: problemsOfAll(errors),
    code: errors.every(({ code }) => code === exitCode.unavailable) ? exitCode.unavailable : exitCode.failed,
    someReady: all.some(isReady),
  };
}

const kinds = ['source', 'checkpoint', 'task', 'library'] as const;
type Kind = (typeof kinds)[number];

/** By name what a run reads. */
const namesOf = (spec: RunSpec): Record<Kind, readonly string[]> => ({
  source: weightSources(spec),
  checkpoint: spec.checkpoint === undefined ? [] : [spec.checkpoint],
  task: tasksOf(spec),
  // A cached set needs none, but workers read its pictures or sounds, perhaps where there is no network.
  library: [...new Set(tasksOf(spec).map(taskModality))].flatMap((modality) =>
    modality === undefined ? [] : [libraryOf[modality]],
  ),
});

/** The same; gives the problems, which the runs that need it will meet again. */
export const prepareData = async (
  runs: readonly { spec: RunSpec }[],
  options: PrepareOptions = {},
): Promise<Problem[]> => (await prepareRuns(runs, options)).problems;
