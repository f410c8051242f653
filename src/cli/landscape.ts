/** `equipoise landscape`: the loss around the way that finished runs took, for the figure loss-contours. */
import { basename, join } from 'node:path';
import { writeWhole } from '../files';
import { userError } from '../problems';
import { readJournal } from '../runner/journal';
import { landscapeName, listExperiments, listRunIds, readRunFile, resultsFolder, runFolder } from '../runner/folders';
import { rooms } from '../runner/rooms';
import type { BackendRequest } from '../tensor/backend';
import { lossLandscape } from '../train/landscape';
import { prepare } from '../train/prepare';
import { methodVersion } from '../version';
import type { Define } from './command';
import { experimentNamed, noExperiment, runNamed } from './names';
import { isNamed, onlyRun } from './runNames';
import { count, note, say } from './text';

interface LandscapeCommandOptions {
  points: string;
}

const help = `
Each run is trained once more, which gives the same numbers as the first time and is checked against its journal; its parameters are
kept on the way. Then the loss is measured on a grid spanned by the displacements of encoder and backbone.

Examples:
  equipoise landscape loss-contours
  equipoise landscape quickstart 0123456789abcdef --points 15
  equipoise figures loss-contours --only loss-contours`;

/** Adds `landscape` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--points <number>', 'grid points along each axis, 5 to 101', '25')
    .addHelpText('after', help)
    .action(async (typed: string, chosen: string[], options: LandscapeCommandOptions) => {
      const points = Number(options.points);
      if (!Number.isInteger(points) || points < 5 || points > 101)
        throw userError({ where: '--points', what: `is ${options.points}`, expected: 'a whole number from 5 to 101' });
      const names = listExperiments(resultsFolder());
      const experiment = experimentNamed(typed, names);
      const known = listRunIds(resultsFolder(), experiment);
      const ids = chosen.length === 0 ? known : chosen.map((run) => fullId(runNamed(run), experiment, known));
      if (ids.length === 0) throw noExperiment(typed, names, 'has no runs');
      for (const id of ids) say(`${id}: ${await measure(experiment, id, points)}`);
    });
};

/** The id that is meant by it or its beginning. Throws UserError for none, or several. */
function fullId(name: string, experiment: string, known: readonly string[]): string {
  const run = onlyRun(
    name,
    known.filter((id) => isNamed(name, experiment, id)).map((id) => ({ id })),
  );
  if (run !== null) return run.id;
  throw userError({
    where: `run "${name}"`,
    what: `is not in ${basename(resultsFolder())}/${experiment}`,
    ...(known.length <= 20 ? { expected: known.join(', ') } : {}),
  });
}

/**
 * Measures one run and says what came. Throws UserError for a run that is not finished or that trains differently here.
 */
async function measure(experiment: string, id: string, points: number): Promise<string> {
  const paths = runFolder(resultsFolder(), experiment, id);
  const read = readRunFile(paths.runJson);
  if (read.state !== 'read' || read.file.status !== 'done')
    throw userError({ where: `run ${id}`, what: 'is not finished', hint: 'train it first: equipoise run' });
  const { file } = read;
  if (file.code.method !== methodVersion)
    throw userError({
      where: `run ${id}`,
      what: `was trained with method ${file.code.method ?? 'unknown'}, this is ${methodVersion}`,
      hint: 'train it again: equipoise run',
    });
  await rooms.useBackend({
    name: file.machine.backend,
    device: 'cpu',
    threads: file.machine.threads,
  } as BackendRequest);
  const written = readJournal(paths.journal).records.map((record) => JSON.stringify(record));
  let at = 0;
  const prepared = await prepare(file.spec, () => undefined);
  const landscape = await lossLandscape(file.spec, prepared, file.steps, {
    points,
    onRecord: (record) => {
      if (JSON.stringify(record) !== written[at]) {
        throw userError({
          where: `run ${id}`,
          what: `gives other numbers here than in its journal, from record ${at + 1} (step ${record.step}) on`,
          hint: 'it was trained on another machine or with other libraries; train it here to look at its landscape',
        });
      }
      at += 1;
    },
    onProgress: (done, total) => {
      if (done % 5 === 0 || done === total) note(`${id}: ${done} of ${total} rows of the grid`);
    },
  });
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(6)) : value;
  writeWhole(
    join(paths.folder, landscapeName),
    `${JSON.stringify({ ...landscape, id, identity: file.identity }, rounded)}\n`,
  );
  const low = Math.min(...landscape.loss.flat());
  return `${count(landscape.path.length, 'place')} of the run, loss ${landscape.path[0]!.loss.toFixed(2)} to ${landscape.path.at(-1)!.loss.toFixed(2)}; ${points} x ${points} points, the lowest ${low.toFixed(2)}`;
}
