/** `equipoise export ro-crate`: a finished experiment as something that others can keep and check. */
import { basename, join, resolve } from 'node:path';
import { projectHome } from '../../project';
import { experimentOf, type Manifest } from '../../manifest/content';
import { printable } from '../../printable';
import { userError } from '../../problems';
import { codeVersion } from '../../runner/code';
import { manifestOf } from '../../runner/crate/content';
import { exportCrate } from '../../runner/crate/write';
import { experimentFolders } from '../analysis';
import type { Define } from '../command';
import { drawAll } from '../draw';
import { findManifest } from '../findManifest';
import { manifestNamed } from '../names';
import { count, note, say, sayJson } from '../text';

interface ExportOptions {
  out?: string;
  manifest?: string;
  withData?: boolean;
  json?: boolean;
}

const help = `
A crate is a folder with the manifest, run.json and journal of every run, the figures and tables, the manifests and
hashes of all data and weights and the lockfile, described in ro-crate-metadata.json after the Process Run Crate profile
0.5. Data are in it with --with-data only, weights never. equipoise verify checks it (docs/provenance.md).

Examples:
  equipoise export ro-crate quickstart
  equipoise export ro-crate quickstart quickstart-crate
  equipoise export ro-crate my-colours --with-data
  equipoise export ro-crate sweep --manifest my/sweep.json`;

/** `export ro-crate <experiment>`. */
export const define: Define = (command) => {
  command
    .option('--out <folder>', 'where, as the second word says it; by default crates/<experiment>')
    .option('--manifest <path>', 'the manifest of the experiment by path or name, when it is not in experiments/')
    .option('--with-data', 'also the data, as far as their licences let them be passed on')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (experiment: string, given: string | undefined, options: ExportOptions) => {
      if (given !== undefined && options.out !== undefined)
        throw userError({ where: '--out', what: 'names a second folder', hint: 'leave one of the two out' });
      const out = given ?? options.out;
      const folder = experimentFolders(experiment)[0]!;
      const manifest =
        options.manifest === undefined
          ? knownManifest(basename(folder))
          : manifestOf(manifestNamed(options.manifest).path, basename(folder));
      if (experimentOf(manifest) !== basename(folder))
        throw userError({
          where: printable(manifest.file),
          what: `describes ${experimentOf(manifest)}`,
          expected: `the manifest of ${printable(basename(folder))}`,
        });
      const { version, commit } = codeVersion();
      const made = await exportCrate({
        exporter: { version, commit },
        manifest,
        folder,
        out: resolve(out ?? join(projectHome(), 'crates', basename(folder))),
        draw: drawAll,
        withData: options.withData === true,
      });
      for (const notice of made.notices) note(`note: ${printable(notice)}`);
      if (options.json === true) sayJson('export-ro-crate', made);
      else
        say(
          `${basename(folder)}: ${count(made.runs, 'run')}, ${count(made.files, 'file')} in ${made.out}; it passes equipoise verify`,
        );
    });
};

function knownManifest(experiment: string): Manifest {
  const found = findManifest(experiment);
  if (found === undefined)
    throw userError({
      where: `experiment "${printable(experiment)}"`,
      what: 'is described by no manifest of experiments/',
      hint: 'name its manifest with --manifest',
    });
  return found;
}
