/**
 * Packs a finished experiment as a crate: copies, draws, describes, checks, and only then gives the folder its name.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { projectRoot, sha256, writeWhole } from '../../files';
import type { Manifest } from '../../manifest/content';
import { findSource } from '../../sources/sources';
import { manifestFolder } from '../../sources/dataManifest';
import { exitCode, UserError } from '../../problems';
import { listRunIds, readRunFile } from '../folders';
import { newFolder } from '../newFolder';
import { readContainer } from './container';
import { crateNames, experimentOf, lockfilePath, pairRuns, pathOf, runFileNames, sourcesOf } from './content';
import { metadataOf, metadataText, type Exporter } from './metadata';
import { verifyCrate, type Draw } from './verify';

export interface ExportOptions {
  manifest: Manifest;
  /** results/<experiment> */
  folder: string;
  /** the crate's folder; must be absent or empty */
  out: string;
  draw: Draw;
  /** who packs it */
  exporter: Exporter;
}

export interface Exported {
  out: string;
  runs: number;
  files: number;
  notices: string[];
}

/**
 * Writes the crate of an experiment whose manifest is all done. Equal results give equal bytes with the same program.
 * @throws UserError when a run of the manifest is not done, the place is taken, or the result would not pass `verify`,
 * as when data manifests changed since the training
 */
export async function exportCrate({ manifest, folder, out, draw, exporter }: ExportOptions): Promise<Exported> {
  const experiment = experimentOf(manifest);
  const notices: string[] = [];
  const found = listRunIds(dirname(folder), basename(folder)).flatMap((id) => {
    const read = readRunFile(join(folder, id, 'run.json'));
    return read.state === 'read' && read.file.id === id ? [read.file] : [];
  });
  const { runs, lacking, surplus } = pairRuns(manifest, found);
  if (lacking.length > 0) {
    const shown = lacking.slice(0, 10).map((description) => ({
      where: experiment,
      what: `not finished, or trained as something else: ${description}`,
    }));
    throw new UserError(
      [
        ...shown,
        {
          where: experiment,
          what: `${lacking.length} of ${lacking.length + runs.length} runs of ${manifest.file} are not done`,
          expected: 'a finished run for each combination',
          hint: `equipoise run ${manifest.file}`,
        },
      ],
      exitCode.failed,
    );
  }
  if (surplus.length > 0)
    notices.push(
      `left out, since the manifest does not describe them or a later run of the same combination counts: ${surplus.map(({ id }) => id).join(', ')}`,
    );

  return newFolder(out, async (crate) => {
    const place = (from: string, to: string) => {
      mkdirSync(dirname(join(crate, to)), { recursive: true });
      copyFileSync(from, join(crate, to));
    };
    place(manifest.file, crateNames.manifest);
    for (const { file } of runs) {
      for (const name of runFileNames)
        if (existsSync(join(folder, file.id, name)))
          place(join(folder, file.id, name), pathOf(experiment, file.id, name));
    }
    const sources = [...new Set(runs.flatMap(({ spec }) => sourcesOf(spec)))].sort().map((name) => findSource(name));
    for (const { name } of sources) place(join(manifestFolder, `${name}.json`), `${crateNames.data}/${name}.json`);
    notices.push(...placeLocks(crate, new Map(runs.map(({ file }) => [file.code.lockfile, file.code.commit]))));
    notices.push(
      ...(await draw(
        join(crate, crateNames.results, experiment),
        join(crate, crateNames.figures),
        join(crate, crateNames.tables),
      )),
    );
    const { files } = readContainer(crate);
    writeWhole(
      join(crate, crateNames.metadata),
      metadataText(metadataOf({ manifest, runs, sources, files, exporter })),
    );
    const { checks } = await verifyCrate(crate, draw);
    const failures = checks.flatMap((check) => check.failures);
    if (failures.length > 0)
      throw new UserError(
        failures.slice(0, 20).map((what) => ({ where: `crate of ${experiment}`, what })),
        exitCode.failed,
      );
    return { out, runs: runs.length, files: files.length + 1, notices };
  });
}

/**
 * The lockfiles that the runs name: the project's own, else the one of the run's commit. Returns a notice for each that
 * is in neither.
 */
function placeLocks(crate: string, locks: ReadonlyMap<string, string | null>): string[] {
  return [...locks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([hash, commit]) => {
      const own = join(projectRoot, 'package-lock.json');
      const candidates = [
        () => (existsSync(own) ? readFileSync(own) : null),
        () => (commit === null || !/^[0-9a-f]{40,64}$/.test(commit) ? null : committed(commit)),
      ];
      const content = candidates
        .map((candidate) => candidate())
        .find((bytes) => bytes !== null && sha256(bytes) === hash);
      if (content === undefined || content === null)
        return [
          `the lockfile ${hash.slice(0, 16)} that runs name is neither in this checkout nor in its history; the crate goes without`,
        ];
      writeWhole(join(crate, lockfilePath(hash)), content);
      return [];
    });
}

function committed(commit: string): Buffer | null {
  const { status, stdout } = spawnSync('git', ['-C', projectRoot, 'show', `${commit}:package-lock.json`], {
    maxBuffer: 2 ** 26,
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : null;
}
