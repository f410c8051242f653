/** Kills and resumes the toy run of killedRun.ts; shared by the test (13 kills) and `npm run soak` (200). */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunFile, runFolder } from '../src/runner/folders';
import type { RunFile } from '../src/runner/runFile';
import { random } from '../src/random';
import type { KillOrders } from './killedRun';
import { taskOf } from './fakeRuns';
import { tinySpec } from './tinyTask';

const script = join(__dirname, 'killedRun.cjs');

/** Runs a child to its end, or for `killAfter` milliseconds. */
export async function runChild(
  orders: KillOrders,
  cache: string,
  killAfter?: number,
): Promise<{ killed: boolean; out: string; err: string; milliseconds: number }> {
  const begun = performance.now();
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, EQUIPOISE_CACHE: cache, KILLED_RUN: JSON.stringify(orders) },
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('close', (_code, signal) => resolve(signal)),
  );
  clearTimeout(timer);
  return { killed: signal === 'SIGKILL', out, err, milliseconds: performance.now() - begun };
}

/** The bytes that must not depend on interruptions, and run.json. */
export function readOutcome(
  results: string,
  spec: object,
): { journal: string; predictions: string; weights: Buffer; best: Buffer; file: RunFile } {
  const { id } = taskOf(results, tinySpec(spec));
  const paths = runFolder(results, 'test', id);
  const read = readRunFile(paths.runJson);
  if (read.state !== 'read') throw new Error(`run.json is ${read.state}`);
  return {
    journal: readFileSync(paths.journal, 'utf8'),
    predictions: readFileSync(paths.predictions, 'utf8'),
    weights: readFileSync(paths.checkpoint),
    best: readFileSync(paths.best),
    file: read.file,
  };
}

interface KillReport {
  kills: number;
  finished: number;
  differences: string[];
  notices: string[];
  where: Record<string, number>;
}

/**
 * Kills runs of one spec until `kills` kills have happened and the last run has ended by itself, and compares each that
 * ends with the run that was left alone. One kill in three comes from outside at a random time, one in a journal
 * append, one in a checkpoint's write; all moments are drawn from `seed`.
 */
export async function killAndResume(spec: object, kills: number, seed: string): Promise<KillReport> {
  const fresh = () => mkdtempSync(join(tmpdir(), 'equipoise-kill-'));
  const cache = fresh();
  const alone = fresh();
  const { out: first, err: words } = await runChild({ results: alone, spec, every: 2 }, cache);
  if (!first.includes('"kind":"done"')) throw new Error(`the run that is left alone failed: ${first}${words}`);
  const expected = readOutcome(alone, spec);
  const report: KillReport = { kills: 0, finished: 0, differences: [], notices: [], where: {} };
  const source = random(seed, 'kills');
  let milliseconds = 2000;
  let results = fresh();
  for (;;) {
    const kind =
      report.kills >= kills ? 'none' : (['time', 'metrics.jsonl', 'checkpoints'] as const)[report.kills % 3]!;
    const part = source.uniform();
    const share = source.uniform();
    const orders: KillOrders =
      kind === 'none' || kind === 'time'
        ? { results, spec, every: 2 }
        : // Few calls, so that an attempt dies within about one checkpoint and many attempts make up one run.
          { results, spec, every: 2, on: kind, at: 1 + Math.floor(share * (kind === 'metrics.jsonl' ? 8 : 16)), part };
    const { killed, out, err, ...took } = await runChild(
      orders,
      cache,
      kind === 'time' ? milliseconds * (0.3 + 0.5 * share) : undefined,
    );
    if (killed) {
      report.kills += 1;
      report.where[kind] = (report.where[kind] ?? 0) + 1;
      continue;
    }
    milliseconds = took.milliseconds; // of a whole run or its rest: what kills from outside are timed by
    if (!out.includes('"kind":"done"')) throw new Error(`the resumed run failed: ${out}${err}`);
    const found = readOutcome(results, spec);
    if (found.journal !== expected.journal) report.differences.push('metrics.jsonl');
    if (found.predictions !== expected.predictions) report.differences.push('predictions.jsonl');
    if (!found.weights.equals(expected.weights)) report.differences.push('checkpoint.safetensors');
    if (!found.best.equals(expected.best)) report.differences.push('best.safetensors');
    if (JSON.stringify(found.file.final) !== JSON.stringify(expected.file.final)) report.differences.push('final');
    report.notices.push(...found.file.notices);
    report.finished += 1;
    if (report.kills >= kills) return report;
    results = fresh();
  }
}
