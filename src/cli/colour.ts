/** Colours of a terminal, for what the words say already: nothing is said by a colour alone. */
import { inspect } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** What a stream is asked. */
export interface Painted {
  isTTY?: boolean | undefined;
}

/**
 * Whether a stream is given colours: never with NO_COLOR (any value, no-color.org) or FORCE_COLOR=0, always with another
 * FORCE_COLOR, else on a terminal that is not dumb.
 */
export function hasColours(stream: Painted, environment: NodeJS.ProcessEnv = process.env): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}

/** The text in a colour. */
export function painted(colour: Colour, text: string): string {
  const [on, off] = inspect.colors[colour]!;
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** Of the states of runs, and of words that say how something went. */
const words: Readonly<Record<string, Colour>> = {
  done: 'green',
  running: 'cyan',
  partial: 'yellow',
  failed: 'red',
  new: 'bold',
  error: 'red',
  warning: 'yellow',
  WARNING: 'yellow',
  note: 'cyan',
  DIFFERS: 'red',
  agrees: 'green',
};

/** The colour of a word that has one. */
export const colourOf = (word: string): Colour | undefined => (Object.hasOwn(words, word) ? words[word] : undefined);

/** Lines that begin with `error:`, `warning:` or `note:` have that word in its colour. */
export const paintedLines = (text: string): string =>
  text.replace(/^(error|warning|WARNING|note)(?=:)/gm, (word) => painted(colourOf(word)!, word));
