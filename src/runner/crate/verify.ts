/**
 * What a stranger can find out about a crate without training anything: that it is whole, that its runs are those of
 * its manifest, that each journal is complete, and that its figures and tables follow from the journals. A crate is
 * hostile.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDataManifests, type DataManifest } from '../../sources/dataManifest';
import { manifestIdentity } from '../../sources/sources';
import { setIdentity } from '../../data';
import type { Manifest } from '../../manifest/content';
import { formatProblem, UserError, userError } from '../../problems';
import { readRunFile } from '../folders';
import { dataIdentity, weightSources } from '../identify';
import type { RunFile } from '../runFile';
import { readContainer, type CrateFile } from './container';
import {
  crateNames,
  experimentOf,
  hasPlace,
  lockfilePath,
  manifestOf,
  pairRuns,
  pathOf,
  runOfPath,
  sourcesOf,
  type CrateRun,
} from './content';
import { journalFaults } from './journals';
import { metadataOf, type Exporter } from './metadata';
import { exporterOf, listingFaults, metadataFaults, readGraph, type Graph } from './shape';

/**
 * Draws all figures and tables of an experiment's folder into two folders; returns what a reader must know of them.
 * Rejects with UserError.
 */
export type Draw = (experimentFolder: string, figures: string, tables: string) => Promise<string[]>;

/** One question to a crate. `made`: false when an earlier failure leaves nothing to ask. */
export interface Check {
  name: string;
  made: boolean;
  /** one sentence each, with the place; from a stranger's files */
  failures: string[];
}

export interface Verification {
  experiment: string | null;
  runs: number;
  exporter: Exporter | null;
  checks: Check[];
  notes: string[];
  passed: boolean;
}

/** Bytes of the parts that are read whole. */
const limits = { metadata: 2 ** 27, journal: 2 ** 28, small: 2 ** 22 };

const checkNames = [
  'folder',
  'metadata',
  'files',
  'manifest',
  'runs',
  'data',
  'journals',
  'description',
  'figures',
] as const;

/**
 * Checks a crate's folder. Writes nothing into it. Never rejects for what a crate holds: that is a failure.
 * @throws UserError when there is no such folder
 */
export async function verifyCrate(folder: string, draw: Draw): Promise<Verification> {
  if (!existsSync(folder))
    throw userError({
      where: folder,
      what: 'there is no such folder',
      expected: 'the folder of a crate, with ro-crate-metadata.json in it',
    });
  const failures = new Map<string, string[]>();
  const ask = (name: (typeof checkNames)[number], found: readonly string[]) => failures.set(name, [...found]);
  const result = {
    experiment: null as string | null,
    runs: 0,
    exporter: null as Exporter | null,
    notes: [] as string[],
  };
  await (async () => {
    const { files, faults } = readContainer(folder);
    ask('folder', [
      ...faults,
      ...files.filter(({ path }) => misplaced(path)).map(({ path }) => `${path}: has no place in a crate`),
    ]);
    const metadata = readMetadata(folder, files);
    ask('metadata', metadata.faults);
    if (metadata.graph.size === 0) return;
    result.exporter = exporterOf(metadata.graph);
    ask('files', listingFaults(metadata.graph, files));
    // A link could lead anywhere, and what is too large or twice there cannot be read as what it seems.
    if (faults.length > 0) return;
    const content = readContent(folder, files);
    ask('manifest', content.faults);
    if (content.manifest === null) return;
    result.experiment = experimentOf(content.manifest);
    const read = readRuns(folder, result.experiment, files, content.manifest);
    result.runs = read.runs.length;
    ask('runs', read.faults);
    const data = dataFaults(folder, read.runs, files, result.notes);
    ask('data', data.faults);
    ask(
      'journals',
      read.runs.flatMap((run) => journalsOf(folder, result.experiment!, run, files)),
    );
    ask(
      'description',
      data.sources === null
        ? ['the data manifests cannot be read']
        : describe(content.manifest, read.runs, data.sources, files, result.exporter, metadata.graph),
    );
    ask('figures', await drawingFaults(folder, result.experiment, files, draw));
  })();
  const checks = checkNames.map((name): Check => ({
    name,
    made: failures.has(name),
    failures: failures.get(name) ?? [],
  }));
  return { ...result, checks, passed: checks.every((check) => check.made && check.failures.length === 0) };
}

/** Among the program's own files, one that it would not write there. */
function misplaced(path: string): boolean {
  const own: readonly string[] = Object.values(crateNames);
  return path !== crateNames.metadata && own.includes(path.split('/')[0]!) && !hasPlace(path);
}

function readMetadata(folder: string, files: readonly CrateFile[]): { graph: Graph; faults: string[] } {
  const file = files.find(({ path }) => path === crateNames.metadata);
  if (file === undefined) return { graph: new Map(), faults: [`${crateNames.metadata}: is not there`] };
  if (file.bytes > limits.metadata)
    return { graph: new Map(), faults: [`${crateNames.metadata}: has more than ${limits.metadata} bytes`] };
  return readGraph(readFileSync(join(folder, crateNames.metadata), 'utf8'));
}

/** The manifest under the profile that the folder of the results says. */
function readContent(folder: string, files: readonly CrateFile[]): { manifest: Manifest | null; faults: string[] } {
  const experiments = [
    ...new Set(files.flatMap(({ path }) => (runOfPath(path) === undefined ? [] : [path.split('/')[1]!]))),
  ];
  if (experiments.length !== 1)
    return {
      manifest: null,
      faults: [experiments.length === 0 ? 'there are no runs' : `there are runs of ${experiments.length} experiments`],
    };
  try {
    const manifest = manifestOf(join(folder, crateNames.manifest), experiments[0]!);
    const named = experimentOf(manifest);
    return {
      manifest,
      faults:
        named === experiments[0] ? [] : [`${crateNames.manifest}: is of ${named}, the runs are of ${experiments[0]!}`],
    };
  } catch (error) {
    return { manifest: null, faults: linesOf(error) };
  }
}

function readRuns(
  folder: string,
  experiment: string,
  files: readonly CrateFile[],
  manifest: Manifest,
): { runs: CrateRun[]; faults: string[] } {
  const faults: string[] = [];
  const found: RunFile[] = [];
  for (const id of new Set(files.flatMap(({ path }) => runOfPath(path) ?? []))) {
    const path = pathOf(experiment, id, 'run.json');
    const bytes = files.find((file) => file.path === path)?.bytes;
    const read = bytes === undefined || bytes > limits.small ? null : readRunFile(join(folder, path));
    if (read === null) faults.push(`${path}: ${bytes === undefined ? 'is not there' : 'is too large'}`);
    else if (read.state !== 'read') faults.push(`${path}: ${read.state === 'absent' ? 'is not there' : read.why}`);
    else if (read.file.id !== id || read.file.experiment !== experiment)
      faults.push(`${path}: is of run ${read.file.experiment}/${read.file.id}`);
    else if (read.file.status !== 'done') faults.push(`${path}: the run is not finished`);
    else found.push(read.file);
  }
  const { runs, lacking, surplus } = pairRuns(manifest, found);
  faults.push(...lacking.map((description) => `${crateNames.manifest}: no run has the identity of ${description}`));
  faults.push(...surplus.map(({ id }) => `${pathOf(experiment, id, 'run.json')}: is no run of the manifest`));
  return { runs, faults };
}

/**
 * Whether data and weights of the runs are those of the crate's data manifests, and lockfiles those that run.json
 * names.
 */
function dataFaults(
  folder: string,
  runs: readonly CrateRun[],
  files: readonly CrateFile[],
  notes: string[],
): { sources: DataManifest[] | null; faults: string[] } {
  const own = join(folder, crateNames.data);
  let sources: DataManifest[];
  try {
    const large = files.find(({ path, bytes }) => path.startsWith(`${crateNames.data}/`) && bytes > limits.small);
    if (large !== undefined) return { sources: null, faults: [`${large.path}: is too large`] };
    sources = readDataManifests(own);
  } catch (error) {
    return { sources: null, faults: linesOf(error) };
  }
  const faults = new Set<string>();
  const identities = new Map(sources.map((source) => [source.name, manifestIdentity(source)]));
  const identityOf = (name: string): string => identities.get(name) ?? missing(name);
  const sets = new Map<string, string>();
  const needed = new Set<string>();
  for (const { file, spec } of runs) {
    try {
      for (const name of sourcesOf(spec)) needed.add(name);
      const setOf = (task: string): string => {
        const set = sets.get(task) ?? setIdentity(task, identityOf);
        sets.set(task, set);
        return set;
      };
      if (dataIdentity(spec, setOf) !== file.data.identity)
        faults.add(
          `run ${file.id}: its set of ${spec.task} is not the one that this program makes from the data manifests of the crate`,
        );
      for (const name of weightSources(spec)) {
        if (identityOf(name) !== file.weights[name])
          faults.add(`run ${file.id}: its weights of ${name} are not those of the data manifest`);
      }
    } catch (error) {
      for (const line of linesOf(error)) faults.add(line);
    }
  }
  for (const { name } of sources) if (!needed.has(name)) faults.add(`${crateNames.data}/${name}.json: no run reads it`);
  const locks = new Set(runs.map(({ file }) => file.code.lockfile));
  for (const { path, sha256: hash } of files.filter((file) => file.path.startsWith(`${crateNames.environment}/`))) {
    if (path !== lockfilePath(hash) || !locks.has(hash)) faults.add(`${path}: is no lockfile that a run names`);
  }
  for (const lock of locks)
    if (!files.some(({ sha256 }) => sha256 === lock))
      notes.push(
        `the lockfile ${lock.slice(0, 16)} of ${runs.filter(({ file }) => file.code.lockfile === lock).length} runs is not in the crate`,
      );
  return { sources, faults: [...faults] };
}

function missing(name: string): never {
  throw userError({ where: `${crateNames.data}/${name}.json`, what: 'is not there, but runs read it' });
}

function journalsOf(
  folder: string,
  experiment: string,
  { file, spec }: CrateRun,
  files: readonly CrateFile[],
): string[] {
  const path = pathOf(experiment, file.id, 'metrics.jsonl');
  const bytes = files.find((each) => each.path === path)?.bytes;
  if (bytes === undefined) return [`${path}: is not there`];
  if (bytes > limits.journal) return [`${path}: is too large`];
  try {
    return journalFaults(join(folder, path), file, spec).map((fault) => `${path}: ${fault}`);
  } catch (error) {
    return linesOf(error).map((line) => line.replace(`${folder}/`, ''));
  }
}

function describe(
  manifest: Manifest,
  runs: readonly CrateRun[],
  sources: readonly DataManifest[],
  files: readonly CrateFile[],
  exporter: Exporter,
  graph: Graph,
): string[] {
  const own = files.filter(({ path }) => hasPlace(path));
  try {
    return metadataFaults(metadataOf({ manifest, runs, sources, files: own, exporter }), graph).map(
      (fault) => `${crateNames.metadata}: ${fault}`,
    );
  } catch (error) {
    return linesOf(error);
  }
}

/** Draws everything again and compares every byte. */
async function drawingFaults(
  folder: string,
  experiment: string,
  files: readonly CrateFile[],
  draw: Draw,
): Promise<string[]> {
  const again = mkdtempSync(join(tmpdir(), 'equipoise-verify-'));
  const kinds = [crateNames.figures, crateNames.tables];
  try {
    await draw(
      join(folder, crateNames.results, experiment),
      join(again, crateNames.figures),
      join(again, crateNames.tables),
    );
    const drawn = kinds.flatMap((kind) =>
      existsSync(join(again, kind))
        ? readdirSync(join(again, kind))
            .sort()
            .map((name) => `${kind}/${name}`)
        : [],
    );
    const there = files.map(({ path }) => path).filter((path) => kinds.some((kind) => path.startsWith(`${kind}/`)));
    return [
      ...drawn
        .filter((path) => !there.includes(path))
        .map((path) => `${path}: the journals give it, but it is not there`),
      ...there.filter((path) => !drawn.includes(path)).map((path) => `${path}: the journals do not give it`),
      ...drawn
        .filter(
          (path) => there.includes(path) && !readFileSync(join(again, path)).equals(readFileSync(join(folder, path))),
        )
        .map((path) => `${path}: is not what the journals give`),
    ];
  } catch (error) {
    return linesOf(error);
  } finally {
    rmSync(again, { recursive: true, force: true });
  }
}

/**
 * An error about a crate's content as lines. Not only UserError: what a hostile file makes of a reader is a failure
 * too.
 */
function linesOf(error: unknown): string[] {
  if (error instanceof UserError) return error.problems.map(formatProblem);
  return [`cannot be read: ${error instanceof Error ? error.message : String(error)}`];
}
