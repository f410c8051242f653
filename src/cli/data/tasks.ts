/** `equipoise data tasks`: the published sets and the user's own tasks. */
import { releasedTaskNames, releaseState } from '../../data/readers/recipe';
import type { Define } from '../command';
import { sayJson, sayTable } from '../text';

/** `data tasks`. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data tasks\n  equipoise data tasks --json')
    .action((options: { json?: boolean }) => {
      const rows = releasedTaskNames().map(releaseState);
      if (options.json === true) {
        sayJson('data-tasks', { tasks: rows });
        return;
      }
      sayTable([
        ['task', 'modality', 'state', 'files'],
        ...rows.map(({ name, modality, state, folder }) => [name, modality, state, folder]),
      ]);
    });
};
