/** JSON from a file that may be hostile: its size and depth are checked before it is parsed. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { userError } from './problems';

export type JsonObject = Record<string, unknown>;

/** Limits of the JSON files of a checkpoint, far above any published one. */
export const jsonLimits = {
  /** bytes of config.json */
  config: 4 * 2 ** 20,
  /** bytes of an index of shards */
  index: 32 * 2 ** 20,
  /** brackets inside brackets */
  depth: 32,
} as const;

/**
 * Parses text whose brackets are nested at most `depth` deep. Throws UserError for deeper text, text that is not JSON,
 * or a value that is not an object.
 */
export function parseObject(text: string, where: string, depth: number = jsonLimits.depth): JsonObject {
  if (deeperThan(text, depth))
    throw userError({ where, what: `JSON nested more than ${depth} deep`, expected: 'a flat description' });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw userError({
      where,
      what: `is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      expected: 'JSON',
    });
  }
  if (!isObject(value)) throw userError({ where, what: 'JSON that is not an object', expected: 'an object' });
  return value;
}

/** The object that a text holds, as files of this program do; null for a torn text, or another value. */
export function objectIn(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Is it a JSON object (not null, not a list)? */
export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Reads and parses a whole JSON file of at most `limit` bytes. Throws UserError when it cannot be read or parsed. */
export function readObject(path: string, limit: number): JsonObject {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw userError({
      where: path,
      what: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      expected: 'a JSON file',
    });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile() || status.size > limit)
      throw userError({
        where: path,
        what: status.isFile() ? `${status.size} bytes` : 'is not a file',
        expected: `a file of at most ${limit} bytes`,
      });
    const bytes = Buffer.alloc(status.size);
    let at = 0;
    for (let got = -1; at < bytes.length && got !== 0;) at += got = readSync(file, bytes, at, bytes.length - at, at);
    return parseObject(bytes.subarray(0, at).toString('utf8'), path);
  } finally {
    closeSync(file);
  }
}

/** Counts brackets outside strings, without recursion. */
function deeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c)
        i++; // a backslash takes the next character with it
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
