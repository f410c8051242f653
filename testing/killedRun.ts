/**
 * A small real run in a process of its own, for tests that kill it: the toy task on the cpu backend through executeRun.
 * KILLED_RUN (JSON) says where it writes and at which file system call it ends itself with SIGKILL. A call that writes
 * first writes a part of its bytes, as a process that is killed inside it may have.
 */
import fs from 'node:fs';
import { sep } from 'node:path';

export interface KillOrders {
  results: string;
  /** replaced fields of the toy spec */
  spec: object;
  /** steps between checkpoints */
  every: number;
  /** seconds between checkpoints and in evaluations, instead of steps */
  seconds?: number;
  /** end at this call (counted from 1) that changes a file whose path holds `on`; absent: never */
  at?: number;
  on?: string;
  /** share of the bytes that are written when the call is a write */
  part?: number;
  /** throws this error code at each such call from the `at`-th on, instead of ending */
  error?: string;
}

const orders = JSON.parse(process.env['KILLED_RUN'] ?? 'null') as KillOrders | null;
const paths = new Map<number, string>();
let calls = 0;

/** Puts the fault before the real call; `write` writes a part of what the call would. */
function fault(path: unknown, syscall: string, write?: (share: number) => void): void {
  if (
    orders === null ||
    typeof path !== 'string' ||
    !path.startsWith(orders.results + sep) ||
    !path.includes(orders.on ?? '')
  )
    return;
  calls += 1;
  if (orders.at === undefined || calls < orders.at) return;
  if (orders.error !== undefined) {
    write?.(orders.part ?? 0);
    throw Object.assign(new Error(`${orders.error}: a fault of the test, ${syscall}`), { code: orders.error, syscall });
  }
  write?.(orders.part ?? 0);
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
}

function patch(): void {
  const {
    openSync,
    closeSync,
    writeSync,
    fsyncSync,
    ftruncateSync,
    renameSync,
    rmSync,
    rmdirSync,
    linkSync,
    mkdirSync,
  } = fs;
  const real = { writeSync };
  Object.assign(fs, {
    openSync: (path: string, flags?: fs.OpenMode, mode?: fs.Mode) => {
      if (flags !== undefined && flags !== 'r') fault(path, 'open');
      const file = openSync(path, flags ?? 'r', mode);
      paths.set(file, path);
      return file;
    },
    closeSync: (file: number) => {
      closeSync(file);
      paths.delete(file);
    },
    writeSync: (file: number, bytes: Uint8Array, at = 0) => {
      fault(
        paths.get(file),
        'write',
        (share) => void real.writeSync(file, bytes, at, Math.floor(share * (bytes.length - at))),
      );
      return writeSync(file, bytes, at);
    },
    fsyncSync: (file: number) => {
      fault(paths.get(file), 'fsync');
      fsyncSync(file);
    },
    ftruncateSync: (file: number, length?: number) => {
      if (orders?.error === undefined) fault(paths.get(file), 'ftruncate'); // a full disk still shrinks files
      ftruncateSync(file, length);
    },
    renameSync: (from: string, to: string) => {
      fault(to, 'rename');
      renameSync(from, to);
    },
    linkSync: (from: string, to: string) => {
      fault(to, 'link');
      linkSync(from, to);
    },
    mkdirSync: (path: string, options?: fs.MakeDirectoryOptions) => {
      if (!fs.existsSync(path)) fault(path, 'mkdir');
      return mkdirSync(path, options);
    },
    rmSync: (path: string, options?: fs.RmOptions) => {
      if (orders?.error === undefined && fs.existsSync(path)) fault(path, 'rm');
      rmSync(path, options);
    },
    rmdirSync: (path: string) => {
      if (orders?.error === undefined) fault(path, 'rmdir');
      rmdirSync(path);
    },
  });
}

async function main(given: KillOrders): Promise<void> {
  patch();
  const { trainTiny } = await load<typeof import('./tinyRuns')>('./tinyRuns');
  const { outcome } = await trainTiny(given.results, {
    spec: given.spec,
    every: given.every,
    task: given.seconds === undefined ? {} : { checkpoint: { seconds: given.seconds } },
  });
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

/** CommonJS, after the patch: modules bind to the patched functions at each call. */
async function load<T>(path: string): Promise<T> {
  const { createRequire } = await import('node:module');
  return createRequire(__filename)(path) as T;
}

if (orders !== null) void main(orders);
