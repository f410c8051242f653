/** Where everything lies in a crate. Results lie as in a results folder, so that figures are drawn from a crate as from one. */
import { sha256Form } from '../../files';
import { runIdForm } from '../../manifest/identity';
import type { FoundTask } from '../../manifest/taskManifest';
import { taskNameForm } from '../../manifest/taskNames';
import { checkpointNameForm } from '../../sources/checkpointNames';
import { folderNameForm, landscapeName, predictionsName } from '../folders';

/** Names at the root of a crate. */
export const crateNames = {
  metadata: 'ro-crate-metadata.json',
  manifest: 'manifest.json',
  results: 'results',
  data: 'data-manifests',
  tasks: 'tasks',
  locks: 'locks',
  checkpoints: 'checkpoints',
  bytes: 'data',
  environment: 'environment',
  figures: 'figures',
  tables: 'tables',
} as const;

/** The folders that hold records of what runs have read. */
export const recordFolders: readonly string[] = [
  crateNames.data,
  crateNames.tasks,
  crateNames.locks,
  crateNames.checkpoints,
];

/** The files of a run that a crate takes. Logs stay out: they may name machines. */
export const runFileNames = ['run.json', 'metrics.jsonl', predictionsName, landscapeName] as const;

/** Folder of tasks, by whose they are. */
export const taskFolders = { own: `${crateNames.tasks}/own`, published: `${crateNames.tasks}/published` } as const;

/** Path of a run's file. */
export const pathOf = (experiment: string, id: string, name: (typeof runFileNames)[number]): string =>
  `${crateNames.results}/${experiment}/${id}/${name}`;

/** Path of a data manifest. */
export const sourcePath = (source: string): string => `${crateNames.data}/${source}.json`;

/** Path of the pins of a source whose data manifest states no hashes. */
export const pinPath = (source: string): string => `${crateNames.data}/pins/${source}.json`;

/** Path of a task's manifest, byte for byte. */
export const taskPath = (name: string, kind: FoundTask['kind']): string => `${taskFolders[kind]}/${name}.json`;

/** Path of the hashes of a task's files. */
export const taskLockPath = (name: string): string => `${crateNames.locks}/${name}.json`;

/** Path of a checkpoint's configuration, or of the hashes of its files. */
export const checkpointPath = (name: string, file: 'config.json' | 'lock.json'): string =>
  `${crateNames.checkpoints}/${name}/${file}`;

/** Path of data, by their hash: names of released files are not fit for every system. */
export const dataPath = (sha256: string): string => `${crateNames.bytes}/${sha256}`;

const lockfileOf = (digits: string): string => `${crateNames.environment}/package-lock-${digits}.json`;

/** Path of a lockfile, by its hash. */
export const lockfilePath = (sha256: string): string => lockfileOf(sha256.slice(0, 16));

const escaped = (text: string): string => text.replaceAll('.', '\\.');

const runPath = new RegExp(
  `^${crateNames.results}/${folderNameForm}/(${runIdForm})/(?:${escaped(runFileNames.join('|'))})$`,
);

const source = '[a-z0-9-]+';
const drawn = '[A-Za-z0-9.-]+';
const places = [
  crateNames.manifest,
  sourcePath(source),
  pinPath(source),
  taskPath(taskNameForm, 'own'),
  taskPath(taskNameForm, 'published'),
  taskLockPath(taskNameForm),
  checkpointPath(checkpointNameForm, 'config.json'),
  checkpointPath(checkpointNameForm, 'lock.json'),
  dataPath(sha256Form),
  lockfileOf('[0-9a-f]{16}'),
  `${crateNames.figures}/${drawn}`,
  `${crateNames.tables}/${drawn}`,
];
const placePattern = new RegExp(`^(?:${places.map(escaped).join('|')})$`);

/** Which run a path of a crate belongs to. */
export const runOfPath = (path: string): string | undefined => runPath.exec(path)?.[1];

/** Whether a path has its place in a crate of this program. A publisher may add others, in folders of their own. */
export const hasPlace = (path: string): boolean => runPath.test(path) || placePattern.test(path);
