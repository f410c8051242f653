/** `equipoise export peft`: trained parameters for users of Python. */
import { Option } from 'commander';
import { join, resolve } from 'node:path';
import { nearestName } from '../../nearest';
import { printable } from '../../printable';
import { exitCode, userError } from '../../problems';
import { listExperiments, resultsFolder, runFolder } from '../../runner/folders';
import { readExperiment, readResults, type StoredRun } from '../../runner/results';
import { newFolder } from '../../runner/newFolder';
import type { Which } from '../../runner/export/trained';
import { exportRun, type WrittenRun } from '../../runner/export/write';
import type { Define } from '../command';
import { runOrExperimentNamed } from '../names';
import { isNamed, onlyRun } from '../runNames';
import { note, say, sayJson } from '../text';

interface PeftOptions {
  weights: Which;
  json?: boolean;
}

const help = `
A run is named by its id, the beginning of its id, or experiment/id. Of an experiment all finished runs are written, each to a folder of its id.
By LoRA: adapter_model.safetensors and adapter_config.json in PEFT's layout. Trained in full: model.safetensors and config.json of the whole backbone.
Frozen: nothing of the backbone. Always: connector.safetensors, README.md, and equipoise.json with run, origins and hashes (docs/models.md).

Examples:
  equipoise export peft 3f2a adapter
  equipoise export peft quickstart adapters --weights best
  equipoise export backbone stories15m base`;

const told = {
  adapter: 'LoRA adapter and connector',
  whole: 'whole backbone and connector',
  frozen: 'connector alone: the backbone was frozen',
} as const;

/** `export peft <run-or-experiment> <folder>`. */
export const define: Define = (command) => {
  command
    .addOption(
      new Option('--weights <which>', 'after the last step, or after the best validation')
        .choices(['last', 'best'])
        .default('last'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (name: string, folder: string, options: PeftOptions) => {
      const written = await exportNamed(name, resolve(folder), options.weights);
      if (options.json === true) sayJson('export-peft', { runs: written });
      else
        for (const { id, out, step, backbone } of written) say(`${id}: ${told[backbone]}, of step ${step}, in ${out}`);
    });
};

async function exportNamed(typed: string, folder: string, which: Which): Promise<WrittenRun[]> {
  const results = resultsFolder();
  const write = ({ experiment, id }: StoredRun, out: string) =>
    exportRun(runFolder(results, experiment, id), id, which, out, (stage) => note(`${id}: ${stage}`));
  const experiments = listExperiments(results);
  const name = runOrExperimentNamed(typed, experiments);
  if (!experiments.includes(name)) {
    const found = readResults(results).filter(({ experiment, id }) => isNamed(name, experiment, id));
    const run = onlyRun(
      name,
      [...found].sort((a, b) => Number(b.state === 'done') - Number(a.state === 'done')),
    );
    if (run === null) throw unknown(name, experiments);
    return [await write(run, folder)];
  }
  const runs = readExperiment(results, name);
  const done = runs.filter(({ state }) => state === 'done');
  if (done.length === 0)
    throw userError(
      { where: `experiment "${printable(name)}"`, what: 'has no finished run', hint: 'train first: equipoise run' },
      exitCode.failed,
    );
  for (const { id, state } of runs) if (state !== 'done') note(`note: ${id} is left out: it is ${state}`);
  return newFolder(folder, async (whole) => {
    const written: WrittenRun[] = [];
    for (const run of done) written.push({ ...(await write(run, join(whole, run.id))), out: join(folder, run.id) });
    return written;
  });
}

function unknown(name: string, experiments: readonly string[]): Error {
  const nearest = nearestName(name, experiments);
  return userError({
    where: `"${printable(name)}"`,
    what: 'is neither a run nor an experiment of the results',
    expected: 'the id of a run, its beginning, or an experiment',
    hint: nearest === undefined ? 'equipoise status lists them' : `did you mean ${nearest}?`,
  });
}
