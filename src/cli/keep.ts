/** `equipoise keep`: finished runs of an experiment in one compact file, to be committed or handed on. */
import { basename, join, relative, resolve } from 'node:path';
import { keepRuns } from '../../analysis/keep';
import { referenceFolder, resultsFolder } from '../runner/folders';
import { experimentFolders } from './analysis';
import type { Define } from './command';
import { say, sayJson } from './text';

/** Adds `keep` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
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
      if (options.json === true) sayJson(kept);
      else {
        say(
          [
            `${kept.runs} run${kept.runs === 1 ? '' : 's'} kept in ${relative(process.cwd(), kept.path)}, ${(kept.bytes / 1024 ** 2).toFixed(2)} MB`,
            ...(kept.ignored.length === 0
              ? []
              : [`not kept, ${kept.ignored.length}:`, ...kept.ignored.map(({ id, reason }) => `  ${id}  ${reason}`)]),
          ].join('\n'),
        );
      }
    });
};
