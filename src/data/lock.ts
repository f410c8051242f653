/** A lock between processes and machines that share a cache: an exclusively created file with a heartbeat. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds between heartbeats, after which a silent lock counts as abandoned, and between looks at a held lock. */
export const lockTimes = { heartbeat: 5, stale: 120, poll: 0.2 };

interface Owner { pid: number; host: string; token: string }

/**
 * Runs `work` while holding the lock file `path`; waits while another live process holds it. A lock is taken over when
 * its process is gone (same host) or its heartbeat is older than `lockTimes.stale`. `onWait` is called once, with the
 * owner, when waiting begins.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: (owner: string) => void): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const owner: Owner = { pid: process.pid, host: hostname(), token: `${process.pid}.${process.hrtime.bigint()}` };
  let told = false;
  while (!create(path, owner)) {
    if (isStale(path)) takeOver(path);
    else if (!told) {
      onWait?.(describe(path));
      told = true;
    }
    await sleep(lockTimes.poll * 1000);
  }
  const beat = setInterval(() => {
    if (readOwner(path)?.token !== owner.token) return;
    const now = new Date();
    utimesSync(path, now, now);
  }, lockTimes.heartbeat * 1000);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (readOwner(path)?.token === owner.token) rmSync(path, { force: true });
  }
}

function create(path: string, owner: Owner): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, JSON.stringify(owner));
  } finally {
    closeSync(file);
  }
  return true;
}

/** Whether nobody alive holds the lock any more. A lock that has just vanished is not stale: the next try creates it. */
function isStale(path: string): boolean {
  const age = ageOf(path);
  if (age === null) return false;
  if (age > lockTimes.stale) return true;
  const owner = readOwner(path);
  // A file without an owner is one that is being written this moment, unless its writer was killed in between.
  if (owner === null) return age > lockTimes.heartbeat;
  return owner.host === hostname() && !isAlive(owner.pid);
}

/**
 * Removes a stale lock. Two processes may judge the same lock stale; without care the slower one would remove the
 * faster one's new lock. So the judgement is repeated under a second exclusive file that is held for an instant only.
 */
function takeOver(path: string): void {
  const guard = `${path}.takeover`;
  if (!create(guard, { pid: process.pid, host: hostname(), token: '' })) {
    const age = ageOf(guard);
    if (age !== null && age > lockTimes.stale) rmSync(guard, { force: true });
    return;
  }
  try {
    if (isStale(path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function ageOf(path: string): number | null {
  try {
    return (Date.now() - statSync(path).mtimeMs) / 1000;
  } catch {
    return null;
  }
}

function readOwner(path: string): Owner | null {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Owner>;
    return typeof value.pid === 'number' && typeof value.host === 'string' && typeof value.token === 'string' ? (value as Owner) : null;
  } catch {
    return null;
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

function describe(path: string): string {
  const owner = readOwner(path);
  return owner === null ? 'another process' : `process ${owner.pid} on ${owner.host}`;
}
