/** A lock between processes and machines that share a cache: a claim that is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { claimedBy, takeClaim, type Claim } from '../claim';

/** Seconds between heartbeats, after which a silent lock counts as abandoned, and between looks at a held lock. */
export const lockTimes = { heartbeat: 5, stale: 120, poll: 0.2 };

/**
 * Runs `work` while holding the lock file `path`; waits while another live process holds it. A lock is taken over as a
 * claim is: when its process is gone (same machine), or when this process has watched it for `lockTimes.stale` without
 * a heartbeat. `onWait` is called once, with the owner, when waiting begins.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: (owner: string) => void): Promise<T> {
  return holding(takeClaim(path, lockTimes.stale) ?? (await wait(path, onWait)), work);
}

/** The same, but does nothing where another process holds the lock. */
export async function lockIfFree(path: string, work: () => Promise<void>): Promise<void> {
  const lock = takeClaim(path, lockTimes.stale);
  if (lock !== null) await holding(lock, work);
}

async function holding<T>(lock: Claim, work: () => Promise<T>): Promise<T> {
  const beat = setInterval(() => {
    try {
      lock.touch();
    } catch {
      // A heartbeat that the disk does not take costs a wait at most: whoever takes the lock over looks first what is
      // done.
    }
  }, lockTimes.heartbeat * 1000);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    lock.release();
  }
}

async function wait(path: string, onWait?: (owner: string) => void): Promise<Claim> {
  onWait?.(claimedBy(path) ?? 'another process');
  for (;;) {
    await sleep(lockTimes.poll * 1000);
    const lock = takeClaim(path, lockTimes.stale);
    if (lock !== null) return lock;
  }
}
