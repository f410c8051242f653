/**
 * Whether the runs of a crate have read what its records say: sets and weights are identified from the crate's own data
 * manifests, task manifests and hashes, so that none of the files need be there.
 */
import { setIdentity, setTasks } from '../../data';
import { identityOfPlaces, pinned } from '../../data/readers/pin';
import type { RunSpec } from '../../manifest/run';
import { userError } from '../../problems';
import { identityOfFiles } from '../../sources/checkpoints';
import { type DataManifest, fileObjects } from '../../sources/dataManifest';
import { readDataManifests } from '../../sources/manifestFiles';
import { isPinned } from '../../sources/pins';
import { manifestIdentity } from '../../sources/sources';
import { dataIdentity, remember, tasksOf, weightSources } from '../identify';
import { readLimits, type CrateFile } from './container';
import { sourcesOf, type CrateRun } from './content';
import {
  type CrateCheckpoint,
  type CrateTask,
  type Inputs,
  ownCheckpointOf,
  readCrateCheckpoint,
  readCrateTask,
  recordsOf,
} from './inputs';
import { linesOf } from './lines';
import { checkpointPath, crateNames, dataPath, lockfilePath, pinPath, recordFolders, sourcePath } from './paths';
import { join } from 'node:path';

/**
 * The records of a crate and one sentence for each fault; null where they cannot be read. Adds to `notes` what is no
 * fault. To be called inside the crate (`insideCrate`).
 */
export function dataFaults(
  folder: string,
  runs: readonly CrateRun[],
  files: readonly CrateFile[],
  notes: string[],
): { inputs: Inputs | null; faults: string[] } {
  const large = files.find(({ path, bytes }) => {
    const [place = ''] = path.split('/');
    const isLock = place === crateNames.locks || place === crateNames.checkpoints;
    return recordFolders.includes(place) && bytes > (isLock ? readLimits.lock : readLimits.record);
  });
  if (large !== undefined) return { inputs: null, faults: [`${large.path}: is too large`] };
  let inputs: Inputs;
  try {
    inputs = readInputs(
      folder,
      runs.map(({ spec }) => spec),
    );
  } catch (error) {
    return { inputs: null, faults: linesOf(error) };
  }
  return {
    inputs,
    faults: [
      ...new Set([
        ...identityFaults(runs, inputs),
        ...recordFaults(inputs, files),
        ...surplusRecords(runs, inputs, files),
        ...strayBytes(inputs, files),
        ...lockfileFaults(runs, files, notes),
      ]),
    ],
  };
}

/** Every record that runs of these specs need. Throws UserError that names one that is not there or no record. */
function readInputs(folder: string, specs: readonly RunSpec[]): Inputs {
  const tasks = new Map<string, CrateTask>();
  const checkpoints = new Map<string, CrateCheckpoint>();
  for (const spec of specs) {
    for (const name of tasksOf(spec))
      if (!setTasks.includes(name) && !tasks.has(name)) tasks.set(name, readCrateTask(folder, name));
    const own = ownCheckpointOf(spec);
    if (own !== undefined && !checkpoints.has(own)) checkpoints.set(own, readCrateCheckpoint(folder, own));
  }
  const byName = <T>(records: ReadonlyMap<string, T>): T[] =>
    [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  return {
    sources: readDataManifests(join(folder, crateNames.data)),
    tasks: byName(tasks),
    checkpoints: byName(checkpoints),
  };
}

/** Where data or weights of a run are not those of the records. */
function identityFaults(runs: readonly CrateRun[], { sources, tasks, checkpoints }: Inputs): string[] {
  const source = remember((name: string) => sourceIdentityIn(sources, name));
  const places = new Map(tasks.map((each) => [each.task.manifest.name, each.places]));
  const set = remember((name: string) =>
    setIdentity(name, { source, release: ({ manifest }) => identityOfPlaces(places.get(manifest.name) ?? []) }),
  );
  const own = new Map(checkpoints.map(({ name, files }) => [name, identityOfFiles(files)]));
  return runs.flatMap(({ file, spec }) => {
    try {
      const wrong = weightSources(spec).filter((name) => source(name) !== file.weights[name]);
      const { checkpoint = '' } = spec;
      return [
        ...(dataIdentity(spec, set) === file.data.identity
          ? []
          : [
              `run ${file.id}: its set of ${spec.task} is not the one that this program makes from the data manifests of the crate`,
            ]),
        ...wrong.map((name) => `run ${file.id}: its weights of ${name} are not those of the data manifest`),
        ...(own.has(checkpoint) && own.get(checkpoint) !== file.weights[checkpoint]
          ? [`run ${file.id}: its checkpoint is not the one of ${checkpointPath(checkpoint, 'lock.json')}`]
          : []),
      ];
    } catch (error) {
      return linesOf(error);
    }
  });
}

/** Throws UserError for a source whose manifest, or the pins of it, the crate does not hold. */
function sourceIdentityIn(sources: readonly DataManifest[], name: string): string {
  const found = sources.find((each) => each.name === name);
  if (found !== undefined && fileObjects(found).every(isPinned)) return manifestIdentity(found);
  const path = found === undefined ? sourcePath(name) : pinPath(name);
  throw userError({ where: path, what: 'is not there, but runs read it' });
}

/** Records that contradict themselves or each other. */
function recordFaults({ tasks, checkpoints }: Inputs, files: readonly CrateFile[]): string[] {
  const hashes = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  return [
    ...tasks.flatMap(({ task, places }) =>
      places.flatMap((place) => {
        if (place.contents === undefined) return [];
        const of = pinned({ name: place.name, isFolder: true, files: place.contents });
        return of.sha256 === place.sha256 && of.bytes === place.bytes && of.files === place.files
          ? []
          : [`task ${task.manifest.name}: the list of files of ${place.name} is not that of its hash`];
      }),
    ),
    ...checkpoints.flatMap(({ name, files: listed }) => {
      const config = listed.find((file) => file.name === 'config.json')?.sha256;
      const path = checkpointPath(name, 'config.json');
      return hashes.get(path) === config ? [] : [`${path}: is not the one of ${checkpointPath(name, 'lock.json')}`];
    }),
  ];
}

/** Records that no run needs. */
function surplusRecords(runs: readonly CrateRun[], inputs: Inputs, files: readonly CrateFile[]): string[] {
  const needed = new Set(
    runs.flatMap(({ spec }) => [
      ...sourcesOf(spec).flatMap((name) => [sourcePath(name), pinPath(name)]),
      ...recordsOf(spec, inputs),
    ]),
  );
  return files
    .filter(({ path }) => recordFolders.includes(path.split('/')[0]!) && !needed.has(path))
    .map(({ path }) => `${path}: no run reads it`);
}

/** Data that are in the crate under another name than their hash, or that no record names. */
function strayBytes({ sources, tasks }: Inputs, files: readonly CrateFile[]): string[] {
  const known = new Set([
    ...sources.flatMap((source) => fileObjects(source).map((file) => file.sha256)),
    ...tasks.flatMap(({ places }) =>
      places.flatMap(({ sha256, contents = [] }) => [sha256, ...contents.map((one) => one.sha256)]),
    ),
  ]);
  return files
    .filter(({ path }) => path.startsWith(`${crateNames.bytes}/`))
    .flatMap(({ path, sha256 }) => {
      if (path !== dataPath(sha256)) return [`${path}: has sha256 ${sha256}`];
      return known.has(sha256) ? [] : [`${path}: no record of the crate names it`];
    });
}

function lockfileFaults(runs: readonly CrateRun[], files: readonly CrateFile[], notes: string[]): string[] {
  const locks = new Set(runs.map(({ file }) => file.code.lockfile));
  for (const lock of locks)
    if (!files.some(({ sha256 }) => sha256 === lock))
      notes.push(
        `the lockfile ${lock.slice(0, 16)} of ${runs.filter(({ file }) => file.code.lockfile === lock).length} runs is not in the crate`,
      );
  return files
    .filter(({ path }) => path.startsWith(`${crateNames.environment}/`))
    .filter(({ path, sha256 }) => path !== lockfilePath(sha256) || !locks.has(sha256))
    .map(({ path }) => `${path}: is no lockfile that a run names`);
}
