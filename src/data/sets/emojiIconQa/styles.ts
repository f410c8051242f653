/**
 * The three icon packages, each as a function from an emoji to its SVG text. Their files are read as untrusted data.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../../problems';
import type { Source } from '../generator';

/** Names of the sources whose drawings are used; each is one drawing style. */
export type Style = 'twemoji' | 'openmoji' | 'noto-emoji';
export const trainStyles = ['twemoji', 'openmoji'] as const satisfies readonly Style[];
export const heldOutStyle: Style = 'noto-emoji';

/** An icon as its package gives it. */
export interface Icon {
  /** path inside the source; for an icon collection `file#name` */
  file: string;
  svg: string;
}
export type IconReader = (emoji: string) => Icon | undefined;

/** Unicode code points of an emoji in hexadecimal, lower case. */
export function codePoints(emoji: string): string[] {
  return Array.from(emoji, (character) => character.codePointAt(0)!.toString(16));
}

/**
 * Both spellings of an emoji in file names: with and without the variation selector that asks for the coloured form.
 */
function spellings(emoji: string): string[][] {
  const full = codePoints(emoji);
  return [full, full.filter((point) => point !== 'fe0f')];
}

/** Packages that hold one SVG file for each emoji. */
function fileReader(source: Source, nameOf: (points: string[]) => string): IconReader {
  return (emoji) => {
    for (const points of spellings(emoji)) {
      const file = nameOf(points);
      const path = join(source.folder, file);
      if (statSync(path, { throwIfNoEntry: false })?.isFile() === true)
        return { file, svg: readFileSync(path, 'utf8') };
    }
    return undefined;
  };
}

/** A JSON object in a source, or a UserError that names the file. */
export function readJsonObject(source: Source, file: string): Record<string, unknown> {
  const where = `${source.name} ${file}`;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(join(source.folder, file), 'utf8'));
  } catch {
    throw userError({
      where,
      what: 'it is missing or not JSON',
      expected: 'a JSON object',
      hint: 'fetch the source again',
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw userError({ where, what: 'it holds no object', expected: 'a JSON object' });
  return value as Record<string, unknown>;
}

/** Iconify collections hold all icons in icons.json and map code points to icon names in chars.json. */
function collectionReader(source: Source): IconReader {
  const collection = readJsonObject(source, 'icons.json');
  const names = readJsonObject(source, 'chars.json');
  const { icons, aliases, width, height } = collection;
  if (typeof icons !== 'object' || icons === null || !Number.isFinite(width) || !Number.isFinite(height)) {
    throw userError({
      where: `${source.name} icons.json`,
      what: 'it is no icon collection',
      expected: 'icons, width and height',
    });
  }
  const own = <T>(of: unknown, key: string): T | undefined =>
    typeof of === 'object' && of !== null && Object.hasOwn(of, key) ? (of as Record<string, T>)[key] : undefined;
  return (emoji) => {
    for (const points of spellings(emoji)) {
      const name = own<unknown>(names, points.join('-'));
      if (typeof name !== 'string') continue;
      const parent = own<{ parent?: unknown }>(aliases, name)?.parent;
      const body = own<{ body?: unknown }>(icons, typeof parent === 'string' ? parent : name)?.body;
      if (typeof body !== 'string') continue;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 ${String(width)} ${String(height)}">${body}</svg>`;
      return { file: `icons.json#${name}`, svg };
    }
    return undefined;
  };
}

/** Readers of the three styles. Throws UserError when the Noto collection is malformed. */
export function openStyles(source: (name: string) => Source): Record<Style, IconReader> {
  return {
    twemoji: fileReader(source('twemoji'), (points) => `${points.join('-')}.svg`),
    openmoji: fileReader(
      source('openmoji'),
      (points) => `color/svg/${points.map((point) => point.toUpperCase().padStart(4, '0')).join('-')}.svg`,
    ),
    'noto-emoji': collectionReader(source('noto-emoji')),
  };
}
