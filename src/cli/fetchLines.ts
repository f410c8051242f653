/** Progress of fetching and generating on standard error: rewritten on a terminal, one line a stage elsewhere. */
import { printable } from '../printable';
import type { Progress } from '../sources/content';
import { megabytes } from './text';

/**
 * Shows progress. On a terminal one line is rewritten a few times a second; elsewhere each stage of each file is one
 * line. `quiet` leaves the lines out where there is no terminal.
 */
export function fetchLines(
  stream: NodeJS.WriteStream,
  quiet = false,
): { progress: (progress: Progress) => void; end: () => void } {
  let stage = '';
  let drawn = 0;
  let open = false;
  const end = () => {
    if (open) stream.write('\r\u001b[2K');
    open = false;
  };
  const progress = (progress: Progress) => {
    const line = printable(progressLine(progress));
    const now = `${progress.source} ${progress.file} ${progress.stage}`;
    const isNew = now !== stage;
    stage = now;
    if (progress.stage === 'note' || (!stream.isTTY && isNew && !quiet)) {
      end();
      stream.write(`${line}\n`);
      return;
    }
    if (!stream.isTTY || (!isNew && performance.now() - drawn < 200)) return;
    drawn = performance.now();
    stream.write(`\r\u001b[2K${line.slice(0, Math.max(20, (stream.columns || 80) - 1))}`);
    open = true;
  };
  return { progress, end };
}

/** One line for a person: what is done to which file, how far, and any note. */
function progressLine(progress: Progress): string {
  const verbs: Record<Progress['stage'], string> = {
    wait: 'waiting',
    fetch: 'fetching',
    check: 'checking',
    unpack: 'unpacking',
    note: 'note',
    ready: 'ready',
  };
  const size =
    progress.total === 0
      ? ''
      : progress.bytes === 0
        ? `  ${megabytes(progress.total)}`
        : `  ${Math.floor((100 * progress.bytes) / progress.total)}% of ${megabytes(progress.total)}`;
  return `${progress.source}  ${verbs[progress.stage]}${progress.file === progress.source ? '' : ` ${progress.file}`}${size}${progress.note === undefined ? '' : `: ${progress.note}`}`;
}

/**
 * Progress on standard error: on a terminal one line that is rewritten, and wiped by what is written next to it at its
 * beginning; elsewhere each stage once.
 */
export function stageLine(): (what: string, done: number, total: number) => void {
  let last = '';
  return (what, done, total) => {
    const text = printable(total === 0 ? what : `${what} ${done}/${total}`);
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}\r`);
    else if (what.split(' ')[0] !== last) process.stderr.write(`${text}\n`);
    last = what.split(' ')[0]!;
  };
}
