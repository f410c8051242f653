/**
 * metrics.jsonl, the journal of a run: append-only, one record a line. A line counts only with its line feed, so a
 * process that dies while writing leaves at most one torn line, which readers skip and `cutTornLine` removes.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { writeWhole } from '../files';
import { userError } from '../problems';
import type { JournalRecord } from '../train/records';

/** How far a journal goes: enough to cut it back to here and to know that what is left is what was written. */
export interface JournalPosition {
  bytes: number;
  records: number;
  /** of these bytes, hexadecimal */
  sha256: string;
}

export interface Journal {
  /**
   * Writes one record in one system call. Throws Error when a number in it is NaN or infinite: JSON would turn it into
   * null; and the system's error when the disk does not take it, after removing what it took of the line.
   */
  append(record: JournalRecord): void;
  position(): JournalPosition;
  /** Forces everything onto the disk. */
  sync(): void;
  /** Forces everything onto the disk and closes the file. */
  close(): void;
}

/** Begins a new journal. Throws when one exists: a restarted run first sets the old one aside. */
export function createJournal(path: string): Journal {
  return journal(openSync(path, 'ax'), { bytes: 0, records: 0 }, createHash('sha256'));
}

/**
 * Replaces a journal by its beginning and goes on after it. In a new file: a process that still writes into the old
 * one, because it does not know that the run was taken over, writes into nothing.
 */
export function continueJournal(path: string, beginning: Uint8Array): Journal {
  writeWhole(path, beginning);
  return journal(
    openSync(path, 'a'),
    { bytes: beginning.length, records: countLines(beginning) },
    createHash('sha256').update(beginning),
  );
}

function journal(file: number, start: { bytes: number; records: number }, hash: Hash): Journal {
  let { bytes, records } = start;
  return {
    append: (record) => {
      const line = Buffer.from(`${JSON.stringify(record, finiteOnly)}\n`, 'utf8');
      try {
        for (let at = 0; at < line.length;) at += writeSync(file, line, at);
      } catch (error) {
        ftruncateSync(file, bytes);
        throw error;
      }
      bytes += line.length;
      records += 1;
      hash.update(line);
    },
    position: () => ({ bytes, records, sha256: hash.copy().digest('hex') }),
    sync: () => fsyncSync(file),
    close: () => {
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
  };
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

function finiteOnly(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`the journal was given ${value} for ${key}`);
  return value;
}

/** The bytes of a journal's whole lines; empty when there is none. */
export function wholeLines(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  return bytes.subarray(0, bytes.lastIndexOf(10) + 1);
}

/**
 * The whole records of a journal, and whether a torn last line was left out. Throws UserError for a damaged line before
 * the last.
 */
export function readJournal(path: string): { records: JournalRecord[]; torn: boolean } {
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  const records = lines.map((line, index) => parseLine(line) ?? damaged(path, index + 1));
  return { records, torn: rest !== '' };
}

function damaged(path: string, line: number): never {
  throw userError({
    where: `${path} line ${line}`,
    what: 'is not a journal record',
    hint: "the file was changed after the run: remove the run's folder and run it again",
  });
}

function parseLine(line: string): JournalRecord | null {
  try {
    const value = JSON.parse(line) as Partial<JournalRecord> | null;
    const known =
      value !== null &&
      ['train', 'measure', 'evaluate', 'notice'].includes(value.kind as string) &&
      Number.isInteger(value.step);
    return known ? (value as JournalRecord) : null;
  } catch {
    return null;
  }
}

/** The last whole record of a journal, read from its last 256 KiB; null when there is none or no file. */
export function lastRecord(path: string): JournalRecord | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const size = fstatSync(file).size;
    const tail = Buffer.alloc(Math.min(size, 256 * 1024));
    readSync(file, tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== '');
    return lines.length === 0 ? null : parseLine(lines[lines.length - 1]!);
  } finally {
    closeSync(file);
  }
}

/** Removes a torn last line; returns how many bytes it had. A missing journal has none. */
export function cutTornLine(path: string): number {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const size = fstatSync(file).size;
    const chunk = Buffer.alloc(64 * 1024);
    let whole = 0;
    for (let end = size; end > 0 && whole === 0;) {
      const start = Math.max(0, end - chunk.length);
      readSync(file, chunk, 0, end - start, start);
      const feed = chunk.subarray(0, end - start).lastIndexOf(10);
      if (feed >= 0) whole = start + feed + 1;
      end = start;
    }
    if (whole < size) {
      ftruncateSync(file, whole);
      fsyncSync(file);
    }
    return size - whole;
  } finally {
    closeSync(file);
  }
}
