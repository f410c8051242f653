/**
 * A claim keeps two processes off one thing, such as two runners off a run: a file made by a hard link (which exactly
 * one of many hosts on a shared file system can make), touched every ten seconds by the process that holds it (for runs
 * the runner, not the worker: a worker may compute for a minute without a pause). src/sources/lock.ts waits for one.
 * A claim is dead at once when its process has ended on this very machine. Any other is dead when this process has
 * watched it for a minute by its own monotonic clock and nobody touched it: clocks of two hosts need not agree, and a
 * clock that is set back or forward takes no run from anybody.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

const staleAfterSeconds = 60;
export const heartbeatSeconds = 10;

interface ClaimContent {
  token: string;
  pid: number;
  machine: string;
}

export interface Claim {
  token: string;
  /** Tells others that the holder is alive; false when the claim has been lost. */
  touch(): boolean;
  /** Gives it back, unless another process has taken it over. */
  release(): void;
}

/**
 * Takes the claim of a run, also a dead one; null when a living runner holds it, or nobody has watched it for long
 * enough yet.
 */
export function takeClaim(path: string, staleSeconds = staleAfterSeconds): Claim | null {
  mkdirSync(dirname(path), { recursive: true });
  const token = randomUUID();
  const seen = look(path);
  if (seen === null) return create(path, token) ? claim(path, token) : null;
  if (!isDead(path, seen, staleSeconds)) return null;
  // Several runners may find the same dead claim. Only the one that creates the guard may remove it, and it looks again
  // first: else the slower one would remove the fresh claim of the faster.
  const guard = `${path}.takeover`;
  if (!create(guard, token)) {
    const other = look(guard);
    if (other !== null && isDead(guard, other, staleSeconds)) rmSync(guard, { force: true });
    return null;
  }
  try {
    if (look(path)?.signature === seen.signature) removeExactly(path, seen, token);
    return create(path, token) ? claim(path, token) : null;
  } finally {
    rmSync(guard, { force: true });
    watched.delete(path);
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
  return look(path)?.content?.token === token;
}

/**
 * Whether a living runner seems to hold the run, from one look: for people, by the wall clock. Who may train is decided
 * by takeClaim.
 */
export function isClaimed(path: string, staleSeconds = staleAfterSeconds): boolean {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false; // cheaper than an exception of open
  const seen = look(path);
  return seen !== null && !isEnded(seen.content) && Date.now() - seen.touched <= staleSeconds * 1000;
}

/** Who holds a claim, in words; null when nobody does. */
export function claimedBy(path: string): string | null {
  const seen = look(path);
  if (seen === null) return null;
  return seen.content === null
    ? 'another process'
    : `process ${seen.content.pid}${seen.content.machine === machineKey() ? '' : ' of another machine'}`;
}

/** Creates a file with its whole content, exclusively. A hard link is atomic on NFS too, where `open` need not be. */
function create(path: string, token: string): boolean {
  const temporary = `${path}.${token}.tmp`;
  const content: ClaimContent = { token, pid: process.pid, machine: machineKey() };
  writeFileSync(temporary, JSON.stringify(content), { flag: 'wx' });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // An answer that was lost on the way makes the client ask again, and the second time the link is already there.
    if (code === 'EEXIST') return statSync(temporary).nlink === 2;
    if (code === undefined || !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    return createPlainly(path, JSON.stringify(content)); // a file system without hard links
  } finally {
    rmSync(temporary, { force: true });
  }
}

function createPlainly(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead claim away and makes sure that it was this one; another's goes back. */
function removeExactly(path: string, seen: Seen, token: string): void {
  const aside = `${path}.${token}.dead.tmp`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (look(aside)?.content?.token !== seen.content?.token) {
    try {
      linkSync(aside, path);
    } catch {
      // a third runner was faster: the run is claimed all the same
    }
  }
  rmSync(aside, { force: true });
}

interface Seen {
  content: ClaimContent | null;
  /** wall clock, ms */
  touched: number;
  /** changes with every touch and every holder */
  signature: string;
}

/** The claim as it is now; null when there is none. Opening it makes NFS ask the server instead of a cache. */
function look(path: string): Seen | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { mtimeMs, ino } = fstatSync(file);
    const content = parse(readFileSync(file, 'utf8'));
    return { content, touched: mtimeMs, signature: `${mtimeMs} ${ino} ${content?.token ?? ''}` };
  } finally {
    closeSync(file);
  }
}

/** What this process has seen of claims that are not its own, and since when nothing changed. */
const watched = new Map<string, { signature: string; since: number }>();

function isDead(path: string, seen: Seen, staleSeconds: number): boolean {
  if (isEnded(seen.content)) return true;
  const now = performance.now();
  const before = watched.get(path);
  if (before?.signature !== seen.signature) {
    watched.set(path, { signature: seen.signature, since: now });
    return false;
  }
  return now - before.since > staleSeconds * 1000;
}

/** Its process ran on this machine and is no more. */
const isEnded = (content: ClaimContent | null): boolean =>
  content !== null && content.machine === machineKey() && !isAlive(content.pid);

function parse(text: string): ClaimContent | null {
  try {
    const value = JSON.parse(text) as Partial<ClaimContent> | null;
    return value !== null &&
      typeof value.token === 'string' &&
      typeof value.machine === 'string' &&
      Number.isInteger(value.pid)
      ? (value as ClaimContent)
      : null;
  } catch {
    return null; // not one of ours, or of a file system without hard links between creating and writing: the watch decides
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

let machine: string | undefined;

/**
 * Process ids mean something only within one boot and one process namespace, so both are in the key; a hash, to keep
 * host names out of files.
 */
function machineKey(): string {
  if (machine !== undefined) return machine;
  const parts = [hostname()];
  for (const read of [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
    () => readlinkSync('/proc/self/ns/pid'),
  ]) {
    try {
      parts.push(read());
    } catch {
      parts.push('unknown'); // not Linux: the host name alone
    }
  }
  machine = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
  return machine;
}
