/**
 * A claim keeps two runners off one run: the file `claim` in the run's folder, created exclusively, touched every ten
 * seconds by the runner that holds it (the runner, not the worker: a worker may compute for a minute without a pause).
 * A claim is stale when nobody touched it for a minute, or at once when its process has ended on this very machine.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

export const staleAfterSeconds = 60;
export const heartbeatSeconds = 10;

interface ClaimContent { token: string; pid: number; machine: string }

export interface Claim {
  token: string;
  /** Tells others that the run is alive; false when the claim has been lost. */
  touch(): boolean;
  /** Gives the run back, unless another runner has taken it over. */
  release(): void;
}

/** Takes the claim of a run, also a stale one; null when a living runner holds it. */
export function takeClaim(path: string, staleSeconds = staleAfterSeconds): Claim | null {
  mkdirSync(dirname(path), { recursive: true });
  const token = randomUUID();
  if (create(path, token)) return claim(path, token);
  if (!isStale(path, staleSeconds)) return null;
  // Two runners may find the same stale claim. Only the one that creates the guard may remove it, and it looks again first:
  // else the slower one would remove the fresh claim of the faster.
  const guard = `${path}.takeover`;
  if (!create(guard, token)) {
    if (isStale(guard, staleSeconds)) rmSync(guard, { force: true });
    return null;
  }
  try {
    if (isStale(path, staleSeconds)) rmSync(path, { force: true });
    return create(path, token) ? claim(path, token) : null;
  } finally {
    rmSync(guard, { force: true });
  }
}

function claim(path: string, token: string): Claim {
  return {
    token,
    touch: () => {
      if (!holdsClaim(path, token)) return false;
      const now = new Date();
      utimesSync(path, now, now);
      return true;
    },
    release: () => {
      if (holdsClaim(path, token)) rmSync(path, { force: true });
    },
  };
}

/** Whether the claim still carries this token: a worker asks before it writes that its run is done. */
export function holdsClaim(path: string, token: string): boolean {
  return read(path)?.token === token;
}

/** Whether a living runner holds the run. */
export function isClaimed(path: string, staleSeconds = staleAfterSeconds): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined && !isStale(path, staleSeconds);
}

function create(path: string, token: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  const content: ClaimContent = { token, pid: process.pid, machine: machineKey() };
  writeSync(file, JSON.stringify(content));
  closeSync(file);
  return true;
}

function isStale(path: string, staleSeconds: number): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return true;
  if (Date.now() - status.mtimeMs > staleSeconds * 1000) return true;
  const content = read(path);
  return content !== null && content.machine === machineKey() && !isAlive(content.pid);
}

function read(path: string): ClaimContent | null {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<ClaimContent> | null;
    return value !== null && typeof value.token === 'string' && typeof value.machine === 'string' && Number.isInteger(value.pid) ? (value as ClaimContent) : null;
  } catch {
    return null; // absent, or its writer is between creating and writing it: the age decides
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Process ids mean something only within one boot and one process namespace, so both are in the key; a hash, to keep host names out of files. */
function machineKey(): string {
  const parts = [hostname()];
  for (const read of [() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), () => readlinkSync('/proc/self/ns/pid')]) {
    try {
      parts.push(read());
    } catch {
      parts.push('unknown'); // not Linux: the host name alone
    }
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}
