/**
 * Nouns of WordNet 3.1 (files index.noun and data.noun; format: wndb(5WN)): senses of a word, glosses, what is a kind
 * of what.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../problems';

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
  /** What the synset is directly a kind or an instance of. */
  hypernyms(synset: Synset): Synset[];
  /** The synset and everything it is a kind of, nearest first, each once. */
  ancestors(synset: Synset): Synset[];
}

/** The unpacked source that the nouns are read from: its name, and its absolute folder. */
export interface WordNetFiles {
  name: string;
  folder: string;
}

function readDictionary({ name, folder }: WordNetFiles, file: string): Buffer {
  try {
    return readFileSync(join(folder, 'dict', file));
  } catch {
    throw userError({ where: `${name} dict/${file}`, what: 'it is missing', hint: 'fetch the source again' });
  }
}

/** Opens the nouns. Throws UserError when the files are missing or malformed. */
export function openNouns(files: WordNetFiles): Nouns {
  const data = readDictionary(files, 'data.noun');
  const index = new Map<string, number[]>();
  for (const line of readDictionary(files, 'index.noun').toString('latin1').split('\n')) {
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
        (found = parse(data.toString('latin1', offset, data.indexOf(10, offset)), offset, files.name)),
      );
    return found;
  };
  return {
    senses: (word) => (index.get(word.replaceAll(' ', '_')) ?? []).map(synset),
    hypernyms: (from) => from.hypernyms.map(synset),
    ancestors(start) {
      const seen = new Map([[start.offset, start]]);
      for (const one of seen.values())
        for (const offset of one.hypernyms) if (!seen.has(offset)) seen.set(offset, synset(offset));
      return [...seen.values()];
    },
  };
}

/** Endings of plurals and what takes their place, in the order of morphy(7WN). */
const pluralEndings: readonly (readonly [ending: string, base: string])[] = [
  ['s', ''],
  ['ses', 's'],
  ['ves', 'f'],
  ['xes', 'x'],
  ['zes', 'z'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['men', 'man'],
  ['ies', 'y'],
];

/**
 * The senses of a word as it stands and of the singulars that it may be the regular plural of, as NLTK's
 * `wordnet.synsets(word, 'n')` finds them. Irregular plurals are not known: the package has no noun.exc. Of the
 * words of DAQUAR's answers NLTK's table adds senses to one, candelabra.
 */
export function sensesOfForm(nouns: Nouns, word: string): Synset[] {
  const bases = pluralEndings.flatMap(([ending, base]) =>
    word.endsWith(ending) ? [word.slice(0, word.length - ending.length) + base] : [],
  );
  return [...new Set([word, ...bases])].flatMap((form) => nouns.senses(form));
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
