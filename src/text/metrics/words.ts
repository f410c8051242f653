/** Captions as lists of words, the unit of every caption metric. */

/** Marks that the caption evaluation of MS COCO leaves out after tokenising. */
const leftOut = new Set([
  "''",
  "'",
  '``',
  '`',
  '.',
  '?',
  '!',
  ',',
  ':',
  '-',
  '--',
  '...',
  ';',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '"',
]);

/**
 * Lower-case words without punctuation, in the manner of the Penn Treebank tokenizer that MS COCO's evaluation runs
 * (Chen et al. 2015): marks apart from words, `n't` and `'s` apart from what they hang on. That tokenizer is a Java
 * program with many special cases (abbreviations, currency, fractions) which this one does not know; captions of plain
 * words come out the same.
 */
export function captionWords(caption: string): string[] {
  return caption
    .toLowerCase()
    .replace(/[“”]/g, '"')
    .replace(/[‘’]/g, "'")
    .replace(/\.\.\.|--|[;:@#$%&?!()[\]{}<>"`]/g, ' $& ')
    .replace(/,(?!\d)|(?<!\d),/g, ' , ')
    .replace(/\.(?=\s|$)/g, ' . ')
    .replace(/(?<=^|\s)'|'(?=\s|$)/g, " ' ")
    .replace(/(?<=\w)(n't|'(?:s|re|ve|ll|d|m))(?=\W|$)/g, ' $1')
    .split(/\s+/)
    .filter((word) => word !== '' && !leftOut.has(word));
}

/** Number of times each run of `length` words occurs; a run is its words joined by spaces. */
export function countRuns(words: readonly string[], length: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + length <= words.length; at++) {
    const run = words.slice(at, at + length).join(' ');
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  return counts;
}

/** A generated caption and the captions that people wrote, as words. */
export interface Captioned {
  candidate: string[];
  references: string[][];
}
