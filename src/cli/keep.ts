/** `equipoise keep`: finished runs of an experiment in one compact file, to be committed or handed on. */
import type { Command } from 'commander';
import { basename, join, relative, resolve } from 'node:path';
import { keepRuns } from '../../analysis/keep';
import { referenceFolder, resultsFolder } from '../runner/folders';
import { experimentFolders } from './analysis';

/** Adds `keep` to the program. Throws UserErrors, which `main` prints. */
export function keepCommand(program: Command): void {
  program
    .command('keep <experiment>')
    .description(
      'keep the finished runs of an experiment compact (Parquet) among the reference results; figures and tables are made from them where the runs themselves are not',
    )
    .option('--out <folder>', 'write below this folder instead of results/reference')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise keep quickstart\n  equipoise keep quickstart --out handed-on')
    .action(async (experiment: string, options: { out?: string; json?: boolean }) => {
      const [folder] = experimentFolders(experiment);
      const kept = await keepRuns(
        folder!,
        join(
          options.out === undefined ? join(resultsFolder(), referenceFolder) : resolve(options.out),
          basename(folder!),
        ),
      );
      if (options.json === true) process.stdout.write(`${JSON.stringify(kept, null, 2)}\n`);
      else {
        process.stdout.write(
          [
            `${kept.runs} run${kept.runs === 1 ? '' : 's'} kept in ${relative(process.cwd(), kept.path)}, ${(kept.bytes / 1024 ** 2).toFixed(2)} MB`,
            ...(kept.ignored.length === 0
              ? []
              : [`not kept, ${kept.ignored.length}:`, ...kept.ignored.map(({ id, reason }) => `  ${id}  ${reason}`)]),
            '',
          ].join('\n'),
        );
      }
    });
}
