/** Claims on folders of runs: opens what of the experiments they are about, evaluates, closes them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openJournals, type Journals } from '../aggregate';
import type { Claim } from './claim';
import { evaluateClaims, type Evaluation } from './evaluate';
import { runsOfSides } from './sides';

/**
 * Opens those of the finished runs of a folder that a claim is about: journals of others are not read, which is most of
 * the time and memory where claims are about few. Close it after use. Throws a UserError when the folder cannot be listed.
 */
export const openClaimed = (claims: readonly Claim[], folder: string): Promise<Journals> =>
  openJournals(folder, ({ id, spec }) => {
    const run = { id, seed: spec.seed, spec };
    return claims.some(({ needs }) => runsOfSides([run], needs).length > 0);
  });

/** Every claim on the runs of one experiment's folder. Throws a UserError when the folder cannot be listed. */
export async function evaluateFolder(claims: readonly Claim[], folder: string): Promise<Evaluation[]> {
  const journals = await openClaimed(claims, folder);
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
      const own = claims.filter(({ needs }) => needs.experiments.includes(experiment));
      if (folder !== undefined) opened.set(experiment, await openClaimed(own, folder));
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
