/**
 * Holds the runs of two results folders against each other: `node -r ts-node/register testing/sameBytes.ts BEFORE
 * AFTER`. Every finished run of BEFORE must be in AFTER under the same identity, with the same journal, predictions and
 * trained parameters, byte for byte. That is how a change of code that must not move a number is proved: train a grid
 * at the commit before it and at the commit after it, on one machine, and compare. Exit code 1 when anything differs.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../src/files';

/** Kept on request: compared where both runs have it. */
const best = 'best.safetensors';

/** What a run's result consists of; times and places, which may differ, stand in other files. */
const compared = ['metrics.jsonl', 'predictions.jsonl', 'checkpoint.safetensors', best];

/** The finished runs below a results folder as `experiment/id`: those that left their trained parameters. */
function finishedRuns(results: string): string[] {
  return readdirSync(results).flatMap((experiment) =>
    readdirSync(join(results, experiment))
      .map((id) => join(experiment, id))
      .filter((run) => existsSync(join(results, run, 'checkpoint.safetensors'))),
  );
}

const hashOf = (path: string): string | null => (existsSync(path) ? sha256(readFileSync(path)) : null);

/** One line for each file of a run that differs. */
function differences(before: string, after: string, run: string): string[] {
  if (!existsSync(join(after, run))) return [`${run}: not there afterwards`];
  if (hashOf(join(before, run, 'metrics.jsonl')) === null) return [`${run}: has no journal to compare`];
  return compared
    .filter((name) => name !== best || (existsSync(join(before, run, name)) && existsSync(join(after, run, name))))
    .filter((name) => hashOf(join(before, run, name)) !== hashOf(join(after, run, name)))
    .map((name) => `${run}: ${name} differs`);
}

function main([before, after]: string[]): void {
  if (before === undefined || after === undefined) {
    console.error('usage: sameBytes.ts RESULTS_BEFORE RESULTS_AFTER');
    process.exitCode = 2;
    return;
  }
  const runs = finishedRuns(before);
  const found = runs.flatMap((run) => differences(before, after, run));
  for (const line of found) console.log(line);
  console.log(
    `${runs.length} runs compared, ${found.length === 0 ? 'all bytes equal' : `${found.length} differences`}`,
  );
  if (runs.length === 0 || found.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2));
