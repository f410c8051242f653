/** `equipoise complete-names KIND`: names for the completion of shells, one a line. Quick: a key was pressed. */
import { printable } from '../printable';
import { listExperiments, listRunIds, resultsFolder } from '../runner/folders';
import { allExperiments } from './analysis';
import type { Define } from './command';
import { manifestNames } from './names';

/** More of them nobody completes. */
const mostRuns = 5000;

const kinds = {
  manifests: manifestNames,
  experiments: allExperiments,
  runs: () => {
    const results = resultsFolder();
    return listExperiments(results)
      .flatMap((name) => listRunIds(results, name).flatMap((id) => [id, `${name}/${id}`]))
      .slice(0, mostRuns);
  },
} as const;

/** Adds `complete-names`. */
export const define: Define = (command) => {
  command.registeredArguments[0]!.choices(Object.keys(kinds));
  command.action((kind: keyof typeof kinds) => {
    for (const name of kinds[kind]()) process.stdout.write(`${printable(name)}\n`);
  });
};
