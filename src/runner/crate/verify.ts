/**
 * What a stranger can find out about a crate without training anything: that it is whole, that its runs are those of
 * its manifest, that each journal is complete, and that its figures and tables follow from the journals. A crate is
 * hostile.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { experimentOf, type Manifest } from '../../manifest/content';
import { userError } from '../../problems';
import { readRunFile } from '../folders';
import type { RunFile } from '../runFile';
import { readContainer, readLimits, type CrateFile } from './container';
import { manifestOf, pairRuns, type CrateRun } from './content';
import { dataFaults } from './data';
import { type Draw, drawingFaults } from './figures';
import { type Inputs, insideCrate } from './inputs';
import { journalFaults } from './journals';
import { linesOf } from './lines';
import { metadataOf, type Exporter } from './metadata';
import { crateNames, hasPlace, pathOf, runOfPath } from './paths';
import { exporterOf, listingFaults, metadataFaults, readGraph, type Graph } from './shape';

export type { Draw } from './figures';

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

type CheckName = (typeof checkNames)[number];
type Ask = (name: CheckName, found: readonly string[]) => void;

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
  const failures = new Map<CheckName, string[]>();
  const ask: Ask = (name, found) => void failures.set(name, [...found]);
  const result = {
    experiment: null as string | null,
    runs: 0,
    exporter: null as Exporter | null,
    notes: [] as string[],
  };
  const { files, faults } = readContainer(folder);
  ask('folder', [
    ...faults,
    ...files.filter(({ path }) => misplaced(path)).map(({ path }) => `${path}: has no place in a crate`),
  ]);
  const metadata = readMetadata(folder, files);
  ask('metadata', metadata.faults);
  if (metadata.graph.size > 0) {
    result.exporter = exporterOf(metadata.graph);
    ask('files', listingFaults(metadata.graph, files));
    // A link could lead anywhere, and what is too large or twice there cannot be read as what it seems.
    const content =
      faults.length > 0 ? null : insideCrate(folder, () => checkContent(folder, files, metadata.graph, ask));
    if (content !== null) {
      Object.assign(result, { experiment: content.experiment, runs: content.runs, notes: content.notes });
      ask('figures', await drawingFaults(folder, content.experiment, files, draw));
    }
  }
  const checks = checkNames.map((name): Check => ({
    name,
    made: failures.has(name),
    failures: failures.get(name) ?? [],
  }));
  return { ...result, checks, passed: checks.every((check) => check.made && check.failures.length === 0) };
}

/** From the manifest to the description; null when the manifest leaves nothing to ask. */
function checkContent(
  folder: string,
  files: readonly CrateFile[],
  graph: Graph,
  ask: Ask,
): { experiment: string; runs: number; notes: string[] } | null {
  const content = readContent(folder, files);
  ask('manifest', content.faults);
  if (content.manifest === null) return null;
  const experiment = experimentOf(content.manifest);
  const { runs, faults } = readRuns(folder, experiment, files, content.manifest);
  ask('runs', faults);
  const notes: string[] = [];
  const data = dataFaults(folder, runs, files, notes);
  ask('data', data.faults);
  ask(
    'journals',
    runs.flatMap((run) => journalsOf(folder, experiment, run, files)),
  );
  ask(
    'description',
    data.inputs === null
      ? ['the records of what the runs have read cannot be read']
      : describe(content.manifest, runs, data.inputs, files, exporterOf(graph), graph),
  );
  return { experiment, runs: runs.length, notes };
}

/** Among the program's own files, one that it would not write there. */
function misplaced(path: string): boolean {
  const own: readonly string[] = Object.values(crateNames);
  return path !== crateNames.metadata && own.includes(path.split('/')[0]!) && !hasPlace(path);
}

function readMetadata(folder: string, files: readonly CrateFile[]): { graph: Graph; faults: string[] } {
  const file = files.find(({ path }) => path === crateNames.metadata);
  if (file === undefined) return { graph: new Map(), faults: [`${crateNames.metadata}: is not there`] };
  if (file.bytes > readLimits.metadata)
    return { graph: new Map(), faults: [`${crateNames.metadata}: has more than ${readLimits.metadata} bytes`] };
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
    const read = bytes === undefined || bytes > readLimits.record ? null : readRunFile(join(folder, path));
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

function journalsOf(
  folder: string,
  experiment: string,
  { file, spec }: CrateRun,
  files: readonly CrateFile[],
): string[] {
  const path = pathOf(experiment, file.id, 'metrics.jsonl');
  const bytes = files.find((each) => each.path === path)?.bytes;
  if (bytes === undefined) return [`${path}: is not there`];
  if (bytes > readLimits.journal) return [`${path}: is too large`];
  try {
    return journalFaults(join(folder, path), file, spec).map((fault) => `${path}: ${fault}`);
  } catch (error) {
    return linesOf(error).map((line) => line.replace(`${folder}/`, ''));
  }
}

function describe(
  manifest: Manifest,
  runs: readonly CrateRun[],
  inputs: Inputs,
  files: readonly CrateFile[],
  exporter: Exporter,
  graph: Graph,
): string[] {
  const own = files.filter(({ path }) => hasPlace(path));
  try {
    return metadataFaults(metadataOf({ manifest, runs, inputs, files: own, exporter }), graph).map(
      (fault) => `${crateNames.metadata}: ${fault}`,
    );
  } catch (error) {
    return linesOf(error);
  }
}
