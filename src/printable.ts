/** Text from outside (run.json of others, crates, file names, processes) made safe for a terminal. */

/**
 * What a terminal obeys or does not show: control characters (C0, DEL and C1, ANSI escapes among them), format
 * characters (direction overrides, zero-width characters, tags) and separators of lines and paragraphs.
 */
const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * The text on one line, with `\uXXXX` for every UTF-16 unit of a character that a terminal would obey or hide: valid
 * inside JSON, too.
 */
export function printable(text: string): string {
  return text.replace(obeyed, escaped);
}

/** As `printable`, for text of several lines: line feeds stay. */
export function printableLines(text: string): string {
  return text.replace(obeyed, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}

/**
 * A value of a file from outside in a message: short, on one line, without control or direction characters; one that is
 * not there is `nothing`.
 */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return printable(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
