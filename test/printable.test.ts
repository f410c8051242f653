/** What files and processes of others say, on its way to a terminal. The names of characters are Unicode's. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { note, say, sayJson } from '../src/cli/text';
import { printable, printableLines } from '../src/printable';

const dangerous: [string, string, string][] = [
  ['ANSI colour (ESC)', '\u001b[31mred', '\\u001b[31mred'],
  ['ANSI window title (ESC, BEL)', '\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['C1 CONTROL SEQUENCE INTRODUCER', '\u009b2K', '\\u009b2K'],
  ['C1 OPERATING SYSTEM COMMAND', '\u009d0;x\u009c', '\\u009d0;x\\u009c'],
  ['CARRIAGE RETURN and BACKSPACE', 'done\r\b', 'done\\u000d\\u0008'],
  ['NULL and DELETE', '\u0000\u007f', '\\u0000\\u007f'],
  ['RIGHT-TO-LEFT OVERRIDE', 'gnp\u202etxt.exe', 'gnp\\u202etxt.exe'],
  ['LEFT-TO-RIGHT EMBEDDING and POP', '\u202aa\u202c', '\\u202aa\\u202c'],
  ['RIGHT-TO-LEFT ISOLATE and POP', '\u2067a\u2069', '\\u2067a\\u2069'],
  ['RIGHT-TO-LEFT MARK and ARABIC LETTER MARK', '\u200f\u061c', '\\u200f\\u061c'],
  ['ZERO WIDTH SPACE, NON-JOINER, JOINER', 'a\u200b\u200c\u200db', 'a\\u200b\\u200c\\u200db'],
  ['ZERO WIDTH NO-BREAK SPACE and WORD JOINER', '\ufeff\u2060', '\\ufeff\\u2060'],
  ['SOFT HYPHEN', 'pass\u00adword', 'pass\\u00adword'],
  ['LINE SEPARATOR and PARAGRAPH SEPARATOR', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['TAG LATIN SMALL LETTER A, beyond the basic plane', '\u{e0061}', '\\udb40\\udc61'],
];

describe('text from outside', () => {
  it.each(dangerous)('%s is shown, not obeyed', (_name, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printableLines(text)).toBe(shown);
    // What is shown can be read back: nothing is lost.
    expect(JSON.parse(`"${printable(text)}"`)).toBe(text);
  });

  it('keeps what people write', () => {
    const text = 'Ünïcode, 日本語, עברית, العربية, 🎻 and é';
    expect(printable(text)).toBe(text);
  });

  it('stays on one line unless lines are meant', () => {
    expect(printable('a\nb')).toBe('a\\u000ab');
    expect(printableLines('a\nb')).toBe('a\nb');
  });
});

describe('the command line', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(dangerous)('%s does not get past say, note and sayJson', (_name, text, shown) => {
    const written: string[] = [];
    const keep = (chunk: string | Uint8Array) => (written.push(String(chunk)), true);
    vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    vi.spyOn(process.stderr, 'write').mockImplementation(keep);
    say(text);
    note(text);
    sayJson('export-backbone', { text });
    vi.restoreAllMocks();
    expect(written.slice(0, 2)).toEqual([`${shown}\n`, `${shown}\n`]);
    expect(written[2]!.trimEnd()).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(written[2]!)).toMatchObject({ text });
  });
});
