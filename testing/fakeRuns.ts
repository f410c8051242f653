/** Plans, queues and in-process workers over the fake trainer. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../src/files';
import type { RunSpec } from '../src/manifest/run';
import { executeRun } from '../src/runner/execute';
import { localWorkers, type StartWorker } from '../src/runner/local';
import type { RunTask } from '../src/runner/messages';
import { planRuns, type IdentifiedRun } from '../src/runner/plan';
import type { QueueOptions } from '../src/runner/queue';
import { methodVersion } from '../src/version';
import { fakeRooms, fakeSpec, type FakeOrders } from './fakeTrainer';

/** A fresh folder for results. */
export function freshResults(): string {
  return mkdtempSync(join(tmpdir(), 'equipoise-runner-'));
}

export function identified(spec: RunSpec): IdentifiedRun {
  const identity = sha256(canonicalJson(spec));
  return {
    id: identity.slice(0, 16),
    identity,
    spec,
    description: `seed ${spec.seed}`,
    data: { task: spec.task, identity: 'd'.repeat(64) },
    weights: { resnet50: 'a'.repeat(64) },
    arithmetic: { backend: 'cpu', device: 'cpu', class: 'cpu', gpu: false },
  };
}

export function fakeRuns(seeds: number, steps = 10): IdentifiedRun[] {
  return Array.from({ length: seeds }, (_, seed) => identified(fakeSpec(seed, steps)));
}

/** A task as the queue gives it to a worker, in the experiment `test`; the claim's token is the caller's. */
export function taskOf(results: string, spec: RunSpec): RunTask {
  return { ...identified(spec), results, experiment: 'test', token: '', code: fakeCode, packages: {}, notices: [] };
}

const fakeCode = { version: '0', method: methodVersion, commit: null, dirty: false, lockfile: 'absent' };

/** Worker processes with the fake trainer. */
export const fakeProcesses: StartWorker = localWorkers(join(__dirname, 'fakeWorker.cjs'));

/** A worker without a process, for properties over many sweeps. */
export const inProcess: StartWorker = (listener) => {
  let resolveExit: (reason: string) => void = () => undefined;
  const exited = new Promise<string>((resolve) => {
    resolveExit = resolve;
  });
  const stop = new AbortController();
  return {
    send: (message) => {
      if (message.kind === 'stop') stop.abort();
      else if (message.kind === 'run')
        void executeRun(message.task, fakeRooms, (told) => listener.message(told), stop.signal).then((outcome) =>
          listener.message(outcome),
        );
    },
    end: () => resolveExit('ended'),
    kill: () => resolveExit('killed'),
    exited,
  };
};

/** Options of a queue over everything that is not done here, with these replaced. */
export function queueOptions(
  results: string,
  runs: IdentifiedRun[],
  replaced: Partial<QueueOptions> = {},
): QueueOptions {
  const experiment = replaced.experiment ?? 'test';
  return {
    results,
    experiment,
    code: fakeCode,
    packages: {},
    runs: planRuns(results, experiment, runs).filter((run) => run.state !== 'done' || run.elsewhere !== undefined),
    workers: 2,
    retries: 1,
    failFast: false,
    start: fakeProcesses,
    poll: 0.05,
    ...replaced,
  };
}

/** Runs `body` with orders for the fake trainer in the environment, of this process and of the workers it starts. */
export async function withOrders<T>(orders: FakeOrders, body: () => Promise<T>): Promise<T> {
  const before = process.env['FAKE_TRAINER'];
  process.env['FAKE_TRAINER'] = JSON.stringify(orders);
  try {
    return await body();
  } finally {
    if (before === undefined) delete process.env['FAKE_TRAINER'];
    else process.env['FAKE_TRAINER'] = before;
  }
}
