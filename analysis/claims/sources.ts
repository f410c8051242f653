/** Claims on folders of runs: opens the experiments, evaluates, closes them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openJournals, type Journals } from '../aggregate';
import type { Claim } from './claim';
import { evaluateClaims, type Evaluation } from './evaluate';

/** Every claim on the runs of one experiment's folder. Throws a UserError when the folder cannot be listed. */
export async function evaluateFolder(claims: readonly Claim[], folder: string): Promise<Evaluation[]> {
  const journals = await openJournals(folder);
  try {
    return await evaluateClaims(claims, () => [journals]);
  } finally {
    journals.close();
  }
}

/** Every claim on the experiments that it names, as far as `folderOf` knows where they are. */
export async function evaluateNamed(
  claims: readonly Claim[],
  folderOf: (experiment: string) => string | undefined,
): Promise<Evaluation[]> {
  const opened = new Map<string, Journals>();
  try {
    for (const experiment of new Set(claims.flatMap(({ needs }) => needs.experiments))) {
      const folder = folderOf(experiment);
      if (folder !== undefined) opened.set(experiment, await openJournals(folder));
    }
    return await evaluateClaims(claims, ({ needs }) => needs.experiments.flatMap((name) => opened.get(name) ?? []));
  } finally {
    for (const journals of opened.values()) journals.close();
  }
}

/** Where an experiment lies below a folder of results; undefined when it is not there. */
export const folderBelow =
  (results: string) =>
  (experiment: string): string | undefined => {
    const folder = join(results, experiment);
    return existsSync(folder) ? folder : undefined;
  };
