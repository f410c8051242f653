/** `equipoise keep`: finished runs of an experiment in one compact file, to be committed or handed on. */
import { basename, join, relative, resolve } from 'node:path';
import { keepRuns } from '../../analysis/keep';
import { projectHome } from '../project';
import { committedRuns } from '../runner/folders';
import { experimentFolders } from './analysis';
import type { Define } from './command';
import { say, sayJson } from './text';

interface KeepOptions {
  out?: string;
  reference?: boolean;
  answers?: boolean;
  json?: boolean;
}

/** Committed runs are written only when that is asked for; one's own go to kept/, which git ignores in a checkout. */
function keptFolder({ out, reference = false }: KeepOptions): string {
  if (out !== undefined) return resolve(out);
  return reference ? committedRuns : join(projectHome(), 'kept');
}

/** Adds `keep` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--out <folder>', 'write below this folder instead of kept')
    .option('--reference', 'write to results/reference, where the committed runs are')
    .option('--answers', 'with what the runs answered to every question, for the table answers and for others')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise keep quickstart\n  equipoise keep quickstart --out handed-on\n  equipoise figures kept/quickstart',
    )
    .action(async (experiment: string, options: KeepOptions) => {
      const [folder] = experimentFolders(experiment);
      const kept = await keepRuns(folder!, join(keptFolder(options), basename(folder!)), {
        answers: options.answers,
      });
      if (options.json === true) sayJson('keep', kept);
      else {
        say(
          [
            `${kept.runs} run${kept.runs === 1 ? '' : 's'} kept in ${relative(process.cwd(), kept.path)}, ${(kept.bytes / 1024 ** 2).toFixed(2)} MB${options.answers === true ? `, with the answers of ${kept.answers}` : ', without answers (--answers keeps them)'}`,
            ...(kept.ignored.length === 0
              ? []
              : [`not kept, ${kept.ignored.length}:`, ...kept.ignored.map(({ id, reason }) => `  ${id}  ${reason}`)]),
          ].join('\n'),
        );
      }
    });
};
