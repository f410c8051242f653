/** `equipoise score`: the metrics of finished runs once more, from what they predicted. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { printable } from '../printable';
import { exitCode, UserError } from '../problems';
import { listRunIds, predictionsName, readRunFile } from '../runner/folders';
import { evaluationRecord } from '../train/evaluate';
import { readPredictions } from '../train/predictions';
import type { EvaluateRecord } from '../train/records';
import { experimentFolders } from './analysis';
import type { Define } from './command';
import { note, say, sayJson, sayTable } from './text';

interface Scored {
  id: string;
  record: EvaluateRecord;
  /** what run.json says equals what its predictions give */
  agrees: boolean;
}

/**
 * Adds `score` to the program. Throws UserErrors, which `main` prints; exit code 1 when a run's own numbers are not
 * those of its predictions.
 */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON: every metric by kind and slice')
    .addHelpText('after', '\nExamples:\n  equipoise score quickstart\n  equipoise score quickstart --json')
    .action(async (experiment: string, options: { json?: boolean }) => {
      const folder = experimentFolders(experiment)[0]!;
      const scored: Scored[] = [];
      for (const id of listRunIds(dirname(folder), basename(folder))) {
        const read = readRunFile(join(folder, id, 'run.json'));
        if (read.state !== 'read' || read.file.status !== 'done' || read.file.final === null) continue;
        const { spec } = read.file;
        const path = join(folder, id, predictionsName);
        if (!existsSync(path)) {
          note(`note: ${id} has no ${predictionsName}: it was trained before predictions were kept`);
          continue;
        }
        const predictions = readPredictions(readFileSync(path, 'utf8'), path).filter(({ task }) => task === spec.task);
        const record = await evaluationRecord(predictions, read.file.final.step, 'evaluation');
        scored.push({
          id,
          record,
          agrees: isDeepStrictEqual(JSON.parse(JSON.stringify(record)), JSON.parse(JSON.stringify(read.file.final))),
        });
      }
      if (options.json === true) sayJson('score', { runs: scored });
      else if (scored.length === 0) say(`${printable(experiment)}: no finished run with predictions`);
      else {
        sayTable([
          ['run', 'choice', 'generation', 'other metrics', 'run.json'],
          ...scored.map(({ id, record, agrees }) => [
            id,
            record.choice.total === 0 ? '–' : record.choice.accuracy.toFixed(3),
            record.generation === undefined ? '–' : record.generation.accuracy.toFixed(3),
            Object.entries(record.texts ?? {})
              .map(([metric, { value }]) => `${metric} ${value.toFixed(3)}`)
              .join(' '),
            agrees ? 'agrees' : 'DIFFERS',
          ]),
        ]);
      }
      const wrong = scored.filter(({ agrees }) => !agrees);
      if (wrong.length > 0)
        throw new UserError(
          wrong.map(({ id }) => ({
            where: `run ${id}`,
            what: 'has other numbers in run.json than its predictions give',
            hint: 'one of the two files was changed, or the metrics were: train the run again',
          })),
          exitCode.failed,
        );
    });
};
