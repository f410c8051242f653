/** The style files of MMA: their grooves with the author's descriptions, sorted into four families by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from '../generator';

export const families = ['rock', 'swing', 'latin', 'dance'] as const;
export type Family = (typeof families)[number];

/** Parts of a style file's name that say its family. A name that fits several families, or none, is left out. */
const nameParts: Readonly<Record<Family, RegExp>> = {
  rock: /rock|beat|metal|mtl|punk|hrk|thr|twist|motown|pop/,
  swing: /swing|jazz|bigband|bebop|charleston|dixie|foxtrot|ragtime|bog+iewog+ie|evansish|jive|quickstep|strut|boogie/,
  latin: /latin|bossa|samba|salsa|rh?umba|chacha|mambo|tango|bolero|merengue|calypso|beguine|cuban|afro|quando|^son$/,
  dance: /dance|house|techno|trance|rave|hip-?hop|disco|dnb|trip/,
};
/** Words of groove names that are not a whole groove. */
const partial = /fill|intro|ending|end$|break|count|roll/i;

export interface Groove {
  name: string;
  /** the author's line, without a full stop; may be empty */
  description: string;
}
export interface Style {
  /** path inside the library, e.g. `stdlib/swing.mma` */
  file: string;
  family: Family;
  grooves: Groove[];
}

/** Where the library lies inside the source. */
export const libraryPath = 'usr/share/mma/lib';

/** The family of a style file's name. */
export function styleFamily(name: string): Family | 'none' | 'several' {
  const fitting = families.filter((family) => nameParts[family].test(name));
  return fitting.length === 1 ? fitting[0]! : fitting.length === 0 ? 'none' : 'several';
}

/** Grooves that a style file defines: lines `DefGroove NAME DESCRIPTION`, which a backslash continues. */
export function groovesOf(text: string): Groove[] {
  const joined = text.replace(/\\\s*\n/g, ' ');
  return [...joined.matchAll(/^DefGroove\s+([A-Za-z0-9_-]+)[ \t]*([^\n]*)$/gim)]
    .map(([, name, description]) => ({
      name: name!,
      description: description!
        .replace(/\/\/.*$/, '')
        .replace(/\s+/g, ' ')
        .trim()
        .replace(/\.$/, ''),
    }))
    .filter(({ name, description }) => !partial.test(name) && !/\b(fill|intro|ending)\b/i.test(description));
}

/**
 * All style files in four quarters whose name says one family, in the order of their paths, and why others were left
 * out.
 */
export function findStyles(source: Source): { styles: Style[]; skipped: Record<string, number> } {
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  const styles: Style[] = [];
  const base = join(source.folder, libraryPath);
  for (const file of readdirSync(base, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.mma'))
    .sort()) {
    const family = styleFamily(file.split('/').at(-1)!.slice(0, -4));
    if (family === 'none' || family === 'several') {
      skip(`style file: its name says ${family === 'none' ? 'no family' : 'several families'}`);
      continue;
    }
    const text = readFileSync(join(base, file), 'latin1');
    const times = [...text.matchAll(/^\s*Time\s+(\d+)/gim)].map(([, beats]) => beats);
    if (times.some((beats) => beats !== '4')) {
      skip('style file: not in four quarters');
      continue;
    }
    const grooves = groovesOf(text);
    if (grooves.length === 0) {
      skip('style file: no whole groove');
      continue;
    }
    styles.push({ file, family, grooves });
  }
  return { styles, skipped };
}
