/**
 * What the runner costs beside a bare loop that does only what must be done: planning and listing 10,000 runs, a
 * journal record, and a tiny run through the local launcher. No arithmetic of training is in it: workers are those of
 * the tests.
 *
 *     node -r ts-node/register bench/sweep.ts [runs to plan, default 10000] [tiny runs, default 1000]
 *
 * Prints one line a measurement and, with --json, one JSON object instead.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, projectRoot, sha256 } from '../src/files';
import { createJournal } from '../src/runner/journal';
import { runFolder } from '../src/runner/folders';
import { runQueue } from '../src/runner/queue';
import { runFileText } from '../src/runner/runFile';
import { fakeProcesses, fakeRuns, queueOptions } from '../testing/fakeRuns';
import { fakeRooms } from '../testing/fakeTrainer';
import { syntheticRecords, writeSyntheticRun } from '../testing/syntheticJournals';

/** One figure with what a bare loop takes for the same, the limit that docs/reliability.md states, and the unit. */
interface Measurement {
  name: string;
  unit: string;
  value: number;
  bare: number | null;
  limit: number;
}

/** Step time that the journal's cost is compared with, ms. */
const stepMilliseconds = 20;

const seconds = (work: () => void): number => {
  const begun = performance.now();
  work();
  return (performance.now() - begun) / 1000;
};

/** Runs the command line in a process of its own; wall seconds with the start of Node, and peak memory in MB. */
function command(results: string, ...args: string[]): { seconds: number; peak: number; out: string } {
  const begun = performance.now();
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--require', join(projectRoot, 'bench', 'peak.cjs'), join(projectRoot, 'bin', 'equipoise.cjs'), ...args],
    { cwd: projectRoot, env: { ...process.env, EQUIPOISE_RESULTS: results }, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const took = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(stderr);
  return { seconds: took, peak: Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024, out: stdout };
}

function planning(folder: string, count: number): Measurement[] {
  const manifest = join(folder, 'manifest.json');
  writeFileSync(
    manifest,
    JSON.stringify({
      name: 'scale',
      about: { what: 'a bench', command: 'none', expectedTime: 'none', lookFor: 'none' },
      fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' },
      steps: 100,
      axes: {
        scheduler: ['constant', 'commit'],
        seed: Array.from({ length: Math.ceil(count / 2) }, (_, seed) => seed),
      },
    }),
  );
  const { seconds: took, peak, out } = command(join(folder, 'none'), 'plan', manifest);
  if (!out.includes(`${count} runs: 0 done, ${count} new`)) throw new Error(out.slice(-300));
  const [run] = fakeRuns(1);
  const bare = seconds(() => {
    for (let i = 0; i < count; i++) sha256(canonicalJson({ ...run!.spec, seed: i }));
  });
  return [
    { name: `plan of ${count} runs`, unit: 's', value: took, bare, limit: 1.5 },
    { name: `memory of that plan`, unit: 'MB', value: peak, bare: null, limit: 300 },
  ];
}

function listing(folder: string, count: number): Measurement[] {
  const results = join(folder, 'finished');
  const spec = fakeRuns(1)[0]!.spec;
  const id = writeSyntheticRun(join(results, 'pattern'), spec, { steps: 100 });
  const file = JSON.parse(readFileSync(join(results, 'pattern', id, 'run.json'), 'utf8')) as Parameters<
    typeof runFileText
  >[0];
  const journal = readFileSync(join(results, 'pattern', id, 'metrics.jsonl'));
  rmSync(join(results, 'pattern'), { recursive: true });
  for (let seed = 0; seed < count; seed++) {
    const identity = sha256(String(seed));
    const paths = runFolder(results, 'scale', identity.slice(0, 16));
    mkdirSync(paths.folder, { recursive: true });
    writeFileSync(
      paths.runJson,
      runFileText({ ...file, id: identity.slice(0, 16), identity, experiment: 'scale', spec: { ...spec, seed } }),
    );
    writeFileSync(paths.journal, journal);
  }
  const bare = seconds(() => {
    for (const name of readdirSync(join(results, 'scale')))
      JSON.parse(readFileSync(join(results, 'scale', name, 'run.json'), 'utf8'));
  });
  const { seconds: took, out } = command(results, 'status');
  if (!new RegExp(`scale +${count} `).test(out)) throw new Error(out);
  return [{ name: `status over ${count} finished runs`, unit: 's', value: took, bare, limit: 2 }];
}

function journalling(folder: string): Measurement[] {
  const records = syntheticRecords(fakeRuns(1)[0]!.spec, { steps: 2000 });
  const journal = createJournal(join(folder, 'metrics.jsonl'));
  const took = seconds(() => records.forEach((record) => journal.append(record)));
  journal.close();
  const file = openSync(join(folder, 'bare'), 'a');
  const bare = seconds(() => records.forEach((record) => writeSync(file, `${JSON.stringify(record)}\n`)));
  closeSync(file);
  const share = (total: number) => (100 * 1000 * total) / 2000 / stepMilliseconds; // all records of a step
  return [
    { name: `journal of a ${stepMilliseconds} ms step`, unit: '%', value: share(took), bare: share(bare), limit: 1 },
  ];
}

async function launching(folder: string, count: number): Promise<Measurement[]> {
  const runs = fakeRuns(count, 2);
  const begun = performance.now();
  await runQueue(queueOptions(join(folder, 'tiny'), runs, { start: fakeProcesses, workers: 1 }));
  const each = (performance.now() - begun) / count;
  const start = performance.now();
  for (const run of runs) for await (const record of fakeRooms.trainRun(run.spec, {})) JSON.stringify(record);
  return [
    {
      name: `overhead of a run, ${count} tiny runs with one worker`,
      unit: 'ms',
      value: each,
      bare: (performance.now() - start) / count,
      limit: 150,
    },
  ];
}

async function main(): Promise<void> {
  const [many = 10_000, tiny = 1000] = process.argv
    .slice(2)
    .filter((text) => /^\d+$/.test(text))
    .map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-bench-'));
  try {
    const all = [
      ...planning(folder, many),
      ...listing(folder, many),
      ...journalling(folder),
      ...(await launching(folder, tiny)),
    ];
    if (process.argv.includes('--json')) console.log(JSON.stringify(all, null, 2));
    else
      for (const { name, unit, value, bare, limit } of all)
        console.log(
          `${name}: ${value.toPrecision(3)} ${unit} (limit ${limit})${bare === null ? '' : `; a bare loop ${bare.toPrecision(3)} ${unit}, ratio ${(value / bare).toPrecision(3)}`}`,
        );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
