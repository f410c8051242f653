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

/** How far a reader has followed a journal that may still grow. */
export interface ReadingPlace {
  /** of whole lines that were read */
  bytes: number;
  /** of the file system: a journal that is replaced is another file */
  file: number;
  /** the bytes before the place, by which a file that was cut and written again is known */
  before: Buffer;
}

/** Where the reading of a journal begins. */
export const journalStart: ReadingPlace = { bytes: 0, file: 0, before: Buffer.alloc(0) };

/** What a journal has gained since it was read last. */
export interface ReadOn {
  records: JournalRecord[];
  place: ReadingPlace;
  /** it was cut back or replaced, as a resumed run does: `records` are all that it has */
  restarted: boolean;
  /** whole lines that are no record: who looks on counts them, figures leave such a run out */
  damaged: number;
}

const chunkBytes = 4 * 1024 * 1024;
const rememberedBytes = 1024;

/**
 * The whole records that a journal has gained since `from`; a torn last line is left for the next time. No file: no
 * records.
 */
export function readOn(path: string, from: ReadingPlace): ReadOn {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { records: [], place: journalStart, restarted: from.bytes > 0, damaged: 0 };
  }
  try {
    const { size, ino } = fstatSync(file);
    const before = Buffer.alloc(from.before.length);
    readSync(file, before, 0, before.length, from.bytes - before.length);
    const same = from.bytes > 0 && ino === from.file && size >= from.bytes && before.equals(from.before);
    return {
      ...readLines(file, same ? from : { ...journalStart, file: ino }, size),
      restarted: from.bytes > 0 && !same,
    };
  } finally {
    closeSync(file);
  }
}

/** Whole lines from a place to `size`, in pieces: a long journal need not be one string. */
function readLines(file: number, from: ReadingPlace, size: number): Omit<ReadOn, 'restarted'> {
  const records: JournalRecord[] = [];
  let damaged = 0;
  let { bytes, before } = from;
  let rest = Buffer.alloc(0);
  for (let at = bytes; at < size;) {
    const piece = Buffer.alloc(Math.min(chunkBytes, size - at));
    const got = readSync(file, piece, 0, piece.length, at);
    if (got === 0) break;
    at += got;
    const known = Buffer.concat([rest, piece.subarray(0, got)]);
    const whole = known.subarray(0, known.lastIndexOf(10) + 1);
    rest = known.subarray(whole.length);
    if (whole.length === 0) continue;
    for (const line of whole.toString('utf8', 0, whole.length - 1).split('\n')) {
      const record = parseLine(line);
      if (record === null) damaged += 1;
      else records.push(record);
    }
    bytes += whole.length;
    before = Buffer.concat([before, whole.subarray(-rememberedBytes)]).subarray(-rememberedBytes);
  }
  return { records, place: { bytes, file: from.file, before }, damaged };
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
