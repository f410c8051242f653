/**
 * What figures and tables cost: one figure each from journals of a million records, and all figures and tables of the
 * committed reference results.
 *
 *     node -r ts-node/register bench/analysis.ts [records, default 1000000]
 *
 * Prints wall and processor time (all threads) of each command with the start of Node, beside the limit, and its peak
 * memory. On a machine that is busy only the processor time means something.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import { syntheticGrid, writeSyntheticRun } from '../testing/syntheticJournals';

/** Seconds within which one figure, and all figures and tables of the reference results, should be made. */
const limits = { figure: 3, reference: 60 };
/** Steps of a run; every fifth is measured. */
const steps = 20_000;

/** Runs the command line in a process of its own. */
function command(env: Record<string, string>, ...args: string[]): { wall: number; processor: number; peak: number } {
  const begun = performance.now();
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--require', join(projectRoot, 'bench', 'peak.cjs'), join(projectRoot, 'bin', 'equipoise.cjs'), ...args],
    { cwd: projectRoot, env: { ...process.env, ...env }, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const wall = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(stderr);
  return {
    wall,
    processor: Number(/processor ([\d.]+)/.exec(stderr)?.[1]),
    peak: Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024,
  };
}

function say(name: string, limit: number, { wall, processor, peak }: ReturnType<typeof command>): void {
  console.log(
    `${name}: ${wall.toFixed(1)} s, ${processor.toFixed(1)} s of processor time (limit ${limit} s), ${peak.toFixed(0)} MB`,
  );
}

/**
 * Journals of about so many records: whole grids of the quickstart's shape, seed by seed, cut where there are enough.
 */
function synthesise(folder: string, records: number): number {
  const options = { steps, every: 5, validateEvery: 5000 };
  const each = steps + steps / 5 + steps / 5000 + 1;
  const runs = syntheticGrid({ seeds: Math.ceil(records / each / 18), steps })
    .sort((a, b) => a.seed - b.seed)
    .slice(0, Math.ceil(records / each));
  runs.forEach((spec) => writeSyntheticRun(folder, spec, options));
  return runs.length * each;
}

function main(): void {
  const records = Number(process.argv[2] ?? 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-bench-'));
  try {
    const found = synthesise(join(folder, 'results', 'many'), records);
    for (const name of ['learning-curves', 'kappa-curves', 'rate-settings']) {
      say(
        `figure ${name} from ${found.toLocaleString('en')} records`,
        limits.figure,
        command(
          { EQUIPOISE_RESULTS: join(folder, 'results') },
          'figures',
          'many',
          '--only',
          name,
          '--out',
          join(folder, 'out'),
        ),
      );
    }
    const reference = join(projectRoot, 'results', 'reference');
    for (const experiment of readdirSync(reference)
      .filter((name) => existsSync(join(reference, name, 'runs.parquet')))
      .sort()) {
      for (const what of ['figures', 'tables']) {
        say(
          `all ${what} of ${experiment}`,
          limits.reference,
          command(
            { EQUIPOISE_CACHE: join(folder, 'cache') },
            what,
            join(reference, experiment),
            '--out',
            join(folder, 'out'),
          ),
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
