/** Text and tables on terminals of any width, and when they are painted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasColours, painted, paintedLines } from '../../src/cli/colour';
import { tableLines, widthOf, wrap, wrapLines } from '../../src/cli/layout';

const runs = [
  ['run', 'state', 'combination', 'why'],
  [
    '731c45231d554acf',
    'new',
    'emoji-icon-qa resnet50+mlp+stories15m constant seed 1',
    'no run of this identity in the results',
  ],
  ['5347028021ede683', 'done', 'emoji-icon-qa resnet50+mlp+stories15m language-cd seed 1', ''],
];

/** The words of lines in their order. */
const wordsOf = (lines: readonly string[]): string[] =>
  lines
    .join(' ')
    .split(/\s+/)
    .filter((word) => word !== '');

describe('a table', () => {
  it('without a terminal has a line a row and columns side by side', () => {
    const lines = tableLines(runs, { width: Infinity });
    expect(lines).toEqual([
      `run               state  combination${' '.repeat(47)}why`,
      '731c45231d554acf  new    emoji-icon-qa resnet50+mlp+stories15m constant seed 1     no run of this identity in the results',
      '5347028021ede683  done   emoji-icon-qa resnet50+mlp+stories15m language-cd seed 1',
    ]);
    expect(
      tableLines(
        [
          ['a', 'bbb', 'c'],
          ['aa', 'b', ''],
        ],
        { width: 80 },
      ),
    ).toEqual(['a   bbb  c', 'aa  b']);
  });

  it('that is a little too wide goes on below its cells, and one wide cell fills up no other row', () => {
    expect(tableLines(runs, { width: 100 })).toEqual([
      'run               state  combination                            why',
      '731c45231d554acf  new    emoji-icon-qa resnet50+mlp+stories15m  no run of this identity in the',
      '                         constant seed 1                        results',
      '5347028021ede683  done   emoji-icon-qa resnet50+mlp+stories15m',
      '                         language-cd seed 1',
    ]);
  });

  it('that is far too wide has its wide cells below the row, with their names', () => {
    expect(tableLines(runs, { width: 60 })).toEqual([
      'run               state',
      '731c45231d554acf  new',
      '  combination emoji-icon-qa resnet50+mlp+stories15m constant',
      '    seed 1',
      '  why no run of this identity in the results',
      '5347028021ede683  done',
      '  combination emoji-icon-qa resnet50+mlp+stories15m',
      '    language-cd seed 1',
    ]);
  });

  it('keeps every word whole and in its row, and no line is wider than the terminal but for a word that is', () => {
    const word = fc.stringMatching(/^[a-z0-9+/=.-]{1,24}$/);
    const cell = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));
    const table = fc
      .integer({ min: 1, max: 6 })
      .chain((n) => fc.array(fc.array(cell, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(table, fc.integer({ min: 12, max: 140 }), (rows, width) => {
        const lines = tableLines(rows, { width, head: false });
        expect(wordsOf(lines.map((line) => line.replaceAll(',', ' '))).sort()).toEqual(wordsOf(rows.flat()).sort());
        for (const line of lines) if (widthOf(line) > width) expect(line).toMatch(/^ *\S+$/);
      }),
      { numRuns: 300 },
    );
  });

  it('is painted by cell, which changes no width', () => {
    const paint = (filled: string, text: string) => (text === 'done' ? painted('green', filled) : filled);
    const [, , third] = tableLines(runs, { width: Infinity, paint });
    expect(third).toContain('\u001b[32mdone \u001b[39m  emoji');
    expect(widthOf(third!)).toBe(widthOf(tableLines(runs, { width: Infinity })[2]!));
  });
});

describe('lines', () => {
  it('are broken at spaces alone, and go on further in', () => {
    expect(wrap('  one two three', 9, '    ')).toEqual(['  one two', '    three']);
    expect(wrap('a word/that/is/longer/than/all', 12)).toEqual(['a', 'word/that/is/longer/than/all']);
    expect(wrapLines('  --json  print JSON and nothing else\nshort', 24)).toBe(
      '  --json  print JSON and\n          nothing else\nshort',
    );
    expect(wrapLines('x '.repeat(99), Infinity)).toBe('x '.repeat(99));
  });

  it('know characters that take two columns, or none', () => {
    expect([
      widthOf('abc'),
      widthOf('κ × –'),
      widthOf('漢字'),
      widthOf('e\u0301'),
      widthOf(painted('red', 'abc')),
    ]).toEqual([3, 5, 4, 1, 3]);
  });
});

describe('colours', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('with a terminal: %s and %o are %s', (isTTY, environment, expected) => {
    expect(hasColours({ isTTY }, environment)).toBe(expected);
  });

  it('paint the word that begins a line and nothing else', () => {
    expect(paintedLines('error: no error: here\nwarning: x')).toBe(
      `${painted('red', 'error')}: no error: here\n${painted('yellow', 'warning')}: x`,
    );
  });
});
