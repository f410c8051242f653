/**
 * What this machine has for workers: processors, memory, GPUs; and whether its kernel has been killing processes for
 * want of memory.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { spawnSync } from 'node:child_process';

/**
 * Memory that one worker is taken to need where nothing was predicted, bytes: library, weights, features and a recorded
 * step.
 */
export const workerMemory = 1.5 * 1024 ** 3;

export interface Resources {
  /** also limited by a control group's quota */
  processors: number;
  /** bytes that may still be taken */
  memory: number;
  /** as CUDA_VISIBLE_DEVICES names them */
  gpus: string[];
}

/** Measures this machine. `gpu`: whether GPUs matter; only then is the driver asked. */
export function readResources(gpu: boolean): Resources {
  return { processors: processors(), memory: availableMemory(), gpus: gpu ? listGpus() : [] };
}

/** What a run is predicted to need. */
export interface PredictedRun {
  /** at its peak */
  bytes: number;
  /** of these what runs of the same model hold together */
  shared: number;
  model: string;
}

/** How many workers, and in a few words why. */
export interface WorkerChoice {
  workers: number;
  why: string;
}

/**
 * How many workers: a number as given, or `auto`: on a GPU one for each, else one a processor, as far as memory
 * reaches; never more than runs, never less than one. `needs`: of each run; of a run that is not listed `workerMemory` is
 * assumed. Runs of different sizes may meet, so the largest count together; what runs of one model share counts once.
 */
export function workersFor(
  asked: number | 'auto',
  runs: number,
  gpu: boolean,
  resources: Resources,
  needs: readonly PredictedRun[] = [],
): WorkerChoice {
  const most = Math.max(1, runs);
  if (asked !== 'auto')
    return {
      workers: Math.max(1, Math.min(asked, most)),
      why: asked > most ? `${asked} were asked for, there ${runs === 1 ? 'is 1 run' : `are ${runs} runs`}` : 'as asked',
    };
  const largest = [
    ...needs,
    ...Array.from(
      { length: Math.max(0, Math.min(most, resources.processors + resources.gpus.length + 1) - needs.length) },
      () => ({ bytes: workerMemory, shared: 0, model: '' }),
    ),
  ].sort((a, b) => b.bytes - a.bytes);
  const byMemory = fittingRuns(largest, resources.memory);
  const places = gpu ? Math.max(1, resources.gpus.length) : resources.processors;
  const workers = Math.max(1, Math.min(places, byMemory, most));
  const free = gigabytes(resources.memory),
    each = `${gigabytes(largest[0]?.bytes ?? workerMemory)} ${needs.length === 0 ? 'assumed for a run' : 'predicted for the largest run'}`;
  const has = gpu
    ? `${resources.gpus.length} GPU${resources.gpus.length === 1 ? '' : 's'}`
    : `${resources.processors} processor${resources.processors === 1 ? '' : 's'}`;
  const short =
    byMemory === 0 ? '; one run alone may not fit' : byMemory < Math.min(places, most) ? '; memory is the limit' : '';
  return { workers, why: `auto: ${has}, ${free} free, ${each}${short}` };
}

/** How many of these, in their order, fit into so many bytes. */
function fittingRuns(runs: readonly PredictedRun[], memory: number): number {
  const held = new Map<string, number>();
  let taken = 0;
  for (const [i, { bytes, shared, model }] of runs.entries()) {
    const before = held.get(model) ?? 0;
    taken += bytes - Math.min(shared, before);
    if (taken > memory) return i;
    held.set(model, Math.max(shared, before));
  }
  return runs.length;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** The same with this machine's resources. */
export function chooseWorkers(
  asked: number | 'auto',
  runs: number,
  gpu: boolean,
  needs: readonly PredictedRun[] = [],
): WorkerChoice {
  return workersFor(asked, runs, gpu, readResources(gpu && asked === 'auto'), needs);
}

/** The number alone, where nothing is predicted. */
export const workerCount = (asked: number | 'auto', runs: number, gpu: boolean): number =>
  chooseWorkers(asked, runs, gpu).workers;

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Processors that a control group's quota leaves, from the text of cpu.max (`200000 100000` is two). */
export function processorQuota(text: string | null): number {
  const found = /^(\d+) (\d+)/.exec(text ?? '');
  return found === null ? Infinity : Math.max(1, Math.floor(Number(found[1]) / Number(found[2])));
}

const processors = (): number => Math.min(availableParallelism(), processorQuota(readText('/sys/fs/cgroup/cpu.max')));

function availableMemory(): number {
  const free = process.availableMemory?.() ?? freemem(); // since Node 20.13 also knows the control group's limit
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, free) : free;
}

/**
 * The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else what the driver lists; empty without a
 * driver.
 */
export function listGpus(visible = process.env['CUDA_VISIBLE_DEVICES'], ask: () => string = askDriver): string[] {
  if (visible !== undefined)
    return visible
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && name !== '-1' && name !== 'NoDevFiles');
  return ask()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^\d+$/.test(line));
}

function askDriver(): string {
  const { status, stdout } = spawnSync('nvidia-smi', ['--query-gpu=index', '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 20_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : '';
}

/**
 * How often the kernel has killed a process of this control group (else of this machine) for want of memory; null where
 * nobody says.
 */
export function outOfMemoryKills(): number | null {
  for (const path of ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control', '/proc/vmstat']) {
    const found = /^oom_kill (\d+)$/m.exec(readText(path) ?? '');
    if (found !== null) return Number(found[1]);
  }
  return null;
}

/**
 * In words how a process ended that this runner did not kill. `kills`: outOfMemoryKills before it started and after it
 * ended.
 */
export function endText(
  code: number | null,
  signal: string | null,
  kills: { before: number | null; after: number | null },
): string {
  if (signal === null) return `the worker process ended with exit code ${code}`;
  if (signal !== 'SIGKILL') return `the worker process was ended by ${signal}`;
  if (kills.before === null || kills.after === null)
    return 'the worker process was ended by SIGKILL from outside, as the kernel does when memory runs out';
  return kills.after > kills.before
    ? `${killedForMemory}: take fewer --workers or a smaller batch`
    : 'the worker process was ended by SIGKILL from outside; memory had not run out';
}

const killed = 'the worker process was ended by SIGKILL';
const killedForMemory = `${killed} while the kernel was killing processes because memory ran out`;

/** Whether the kernel ended a process for want of memory, from the words of `endText`. */
export const isMemoryKill = (end: string): boolean => end.includes(killedForMemory);

/** Whether a process was ended by a signal that it could not answer, from the same. */
export const isKill = (end: string): boolean => end.includes(killed);
