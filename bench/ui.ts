/**
 * What the page of `equipoise ui` costs with many runs: 500 of 1,000 steps, from the start of the server to the answers
 * that its views need, and the peak memory of the server.
 *
 *     node -r ts-node/register bench/ui.ts [runs, default 500]
 *
 * On a machine that is busy only the processor time means something.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import { syntheticGrid, writeSyntheticRun } from '../testing/syntheticJournals';

const steps = 1000;
/** Seconds within which the first view, and the rows of all settings, should be there; MB that the server should take. */
const limits = { seconds: 2, memory: 300 };

/** Processor seconds and peak memory in MB of a process, as Linux tells them; NaN elsewhere. */
function costOf(pid: number): { processor: number; peak: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
    return { processor: (Number(fields[11]) + Number(fields[12])) / 100, peak };
  } catch {
    return { processor: NaN, peak: NaN };
  }
}

async function main(): Promise<void> {
  const runs = Number(process.argv[2] ?? 500);
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-bench-'));
  const specs = syntheticGrid({ seeds: Math.ceil(runs / 18), steps }).slice(0, runs);
  for (const spec of specs) writeSyntheticRun(join(folder, 'many'), spec, { steps, every: 5, validateEvery: 100 });
  const begun = performance.now();
  const child = spawn(process.execPath, [join(projectRoot, 'bin', 'equipoise.cjs'), 'ui', '--results', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const address = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(String(text).trim())),
    );
    const say = (name: string, before: { processor: number }, wall: number): void => {
      const { processor, peak } = costOf(child.pid!);
      console.log(
        `${name}: ${(wall / 1000).toFixed(2)} s, ${(processor - before.processor).toFixed(2)} s of processor time (limit ${limits.seconds} s), ${peak.toFixed(0)} MB at most so far (limit ${limits.memory} MB)`,
      );
    };
    say('start', { processor: 0 }, performance.now() - begun);
    const ask = async <T>(name: string, question: string): Promise<T> => {
      const [before, from] = [costOf(child.pid!), performance.now()];
      const response = await fetch(`${address}${question}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${question}: ${text}`);
      say(name, before, performance.now() - from);
      return (question.startsWith('api/') ? JSON.parse(text) : text) as T;
    };
    const now = 'experiment=many';
    await ask('Now', `api/now?${now}`);
    const { settings } = await ask<{ settings: { key: string }[] }>(
      `Runs, ${specs.length} runs in settings`,
      `api/runs?${now}`,
    );
    await ask('Runs with a condition', `api/runs?${now}&where=n>1`);
    await ask('mean log kappa of Runs', `api/kappa?${now}`);
    const keys = settings.slice(0, 8).map(({ key }) => key);
    await ask('Compare, 8 settings', `api/compare?${now}&settings=${keys.join()}`);
    await ask('Claims, journals read for all figures', `api/claims?${now}`);
    await ask('Figures', `api/figures?${now}`);
    await ask('one figure drawn', `drawn?${now}&name=learning-curves&kind=svg`);
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
