/**
 * Nouns of WordNet 3.1 (files index.noun and data.noun; format: wndb(5WN)): senses of a word, glosses, what is a kind
 * of what.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../../problems';
import type { Source } from '../generator';

export interface Synset {
  /** byte offset, its name */
  offset: number;
  words: string[];
  gloss: string;
  hypernyms: number[];
}

export interface Nouns {
  /** Senses of a noun in lower case with spaces, the most frequent first; empty for an unknown word. */
  senses(word: string): Synset[];
  /** The synset and everything it is a kind of, nearest first, each once. */
  ancestors(synset: Synset): Synset[];
}

/** Opens the nouns. Throws UserError when the files are missing or malformed. */
export function openNouns(source: Source): Nouns {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(source.folder, 'dict', name));
    } catch {
      throw userError({ where: `${source.name} dict/${name}`, what: 'it is missing', hint: 'fetch the source again' });
    }
  };
  const data = read('data.noun');
  const index = new Map<string, number[]>();
  for (const line of read('index.noun').toString('latin1').split('\n')) {
    if (line === '' || line.startsWith(' ')) continue;
    const fields = line.trim().split(' ');
    const count = Number(fields[2]);
    index.set(fields[0]!, fields.slice(-count).map(Number));
  }
  const synsets = new Map<number, Synset>();
  const synset = (offset: number): Synset => {
    let found = synsets.get(offset);
    if (found === undefined)
      synsets.set(
        offset,
        (found = parse(data.toString('latin1', offset, data.indexOf(10, offset)), offset, source.name)),
      );
    return found;
  };
  return {
    senses: (word) => (index.get(word.replaceAll(' ', '_')) ?? []).map(synset),
    ancestors(start) {
      const seen = new Map([[start.offset, start]]);
      for (const one of seen.values())
        for (const offset of one.hypernyms) if (!seen.has(offset)) seen.set(offset, synset(offset));
      return [...seen.values()];
    },
  };
}

/**
 * A line of data.noun: offset, file, type, number of words (hexadecimal), words with lexical ids, number of pointers,
 * pointers of four fields, `|`, gloss.
 */
function parse(line: string, offset: number, where: string): Synset {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar < 0 ? undefined : bar).split(' ');
  const words = Number.parseInt(fields[3] ?? '', 16);
  const pointers = Number(fields[4 + 2 * words]);
  if (Number(fields[0]) !== offset || !(words > 0) || !(pointers >= 0))
    throw userError({
      where: `${where} dict/data.noun`,
      what: `no synset at byte ${offset}`,
      expected: 'the database of WordNet 3.1',
      hint: 'fetch the source again',
    });
  const at = 5 + 2 * words;
  const hypernyms = Array.from({ length: pointers }, (_, i) => fields.slice(at + 4 * i, at + 4 * i + 4))
    .filter(([symbol]) => symbol === '@' || symbol === '@i')
    .map(([, target]) => Number(target));
  return {
    offset,
    words: Array.from({ length: words }, (_, i) => fields[4 + 2 * i]!.replaceAll('_', ' ')),
    gloss: bar < 0 ? '' : line.slice(bar + 3).trim(),
    hypernyms,
  };
}
