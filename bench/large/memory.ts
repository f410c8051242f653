/** Memory of another process as Linux counts it, read from outside, so that both languages are asked alike. */
import { readFileSync } from 'node:fs';

/** Bytes. */
export interface ProcessMemory {
  /** highest resident size so far, pages of mapped files among it */
  peak: number;
  /** resident now and its own: what a second process on the same files would need again */
  anonymous: number;
  /** resident now, pages shared with other processes counted in shares; the only number that adds up over processes */
  proportional: number;
}

const field = (text: string, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  if (found === null) throw new Error(`no ${name}`);
  return 1024 * Number(found[1]);
};

/** null where the machine does not tell: another system than Linux, or a process that has ended. */
export function memoryOf(pid: number): ProcessMemory | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      peak: field(status, 'VmHWM'),
      anonymous: field(status, 'RssAnon'),
      proportional: field(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss'),
    };
  } catch {
    return null;
  }
}

/** Watches the anonymous memory of a process until it is stopped; gives the most that was seen, bytes, 0 for nothing. */
export function watchAnonymous(pid: number, everyMs = 100): { stop(): number } {
  let most = 0;
  const look = () => {
    try {
      most = Math.max(most, field(readFileSync(`/proc/${pid}/status`, 'utf8'), 'RssAnon'));
    } catch {
      // it has ended, or this is no Linux
    }
  };
  const clock = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(clock);
      look();
      return most;
    },
  };
}
