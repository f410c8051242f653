/**
 * The numbers of docs/report.md. Its prose is written by hand; every number of a result stands between two comments and
 * comes from the reference of a claim or from a manifest, so that none can drift (test/analysis/preprint.test.ts).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import { expand, stepsOf } from '../src/manifest/expand';
import { loadManifest } from '../src/manifest/load';
import { table, withBlocks } from '../src/manifest/reference';
import { committedRuns } from '../src/runner/folders';
import { readClaims, type Claim, type ClaimsFile } from './claims/claim';
import { referenceText, ruleText } from './claims/claimsTable';

const manifests = join(projectRoot, 'experiments', 'paper');

const claimRow = (claim: Claim): string[] => [
  `${claim.statement} (\`${claim.id}\`)`,
  `${claim.by}, ${claim.label}`,
  claim.tier,
  ruleText(claim.rule),
  referenceText(claim, claim.reference),
];

const claimsBlock = (claims: readonly Claim[]): string =>
  `\n${table(
    ['claim', 'by, terms', 'tier', 'rule', 'committed runs: estimate, interval, seeds, verdict'],
    claims.map(claimRow),
  )}\n`;

/** The manifests of the paper with their runs, methods, tasks and seeds, and whether their results are kept. */
function experimentsBlock(): string {
  const reference = new Set(readdirSync(committedRuns));
  const files = readdirSync(manifests).filter((file) => file.endsWith('.json'));
  return table(
    ['experiment', 'runs', 'steps', 'seeds', 'tasks', 'methods', 'results'],
    files.sort().map((file) => {
      const manifest = loadManifest(join(manifests, file));
      const runs = expand(manifest);
      const count = (of: (run: (typeof runs)[number]) => unknown) => String(new Set(runs.map(of)).size);
      return [
        `\`${manifest.name}\``,
        String(runs.length),
        [...new Set(runs.map((run) => stepsOf(run, 0)))].join(', '),
        count(({ seed }) => seed),
        count(({ task }) => task),
        count(({ scheduler, regulariser }) => JSON.stringify([scheduler, regulariser])),
        reference.has(manifest.name) ? 'kept' : 'none kept',
      ];
    }),
  );
}

const subjectOf = ({ path }: ClaimsFile): string => /([^/\\]+)\.json$/.exec(path)![1]!;

/** Every block of the page, by its name. */
function blocks(files: readonly ClaimsFile[]): Record<string, string> {
  const all = files.flatMap(({ claims }) => claims);
  return {
    experiments: `\n${experimentsBlock()}\n`,
    confirmatory: claimsBlock(all.filter(({ tier }) => tier === 'confirmatory')),
    ...Object.fromEntries(files.map((file) => [`claims: ${subjectOf(file)}`, claimsBlock(file.claims)])),
  };
}

/**
 * The page with its numbers as claims and manifests have them today: blocks between `<!-- NAME -->` and `<!-- end of NAME
 * -->`, estimates of one claim between `<!-- claim ID -->` and `<!-- end -->`. Throws RangeError for a block without its
 * place and for a place without its claim.
 */
export function withNumbers(page: string, files: readonly ClaimsFile[] = readClaims()): string {
  const claims = new Map(files.flatMap(({ claims: own }) => own.map((claim) => [claim.id, claim] as const)));
  const told = page.replaceAll(/<!-- claim ([a-z0-9-]+) -->.*?<!-- end -->/gs, (_, id: string) => {
    const claim = claims.get(id);
    if (claim?.reference === undefined) throw new RangeError(`no claim ${id} with a reference`);
    const [estimate] = referenceText(claim, claim.reference).split(':');
    return `<!-- claim ${id} -->${estimate}<!-- end -->`;
  });
  return withBlocks(told, blocks(files));
}
