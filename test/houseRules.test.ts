/** No file beyond 300 lines and no function beyond 60 without a reason that stands there (testing/houseRules.ts). */
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../src/files';
import { mostFileLines, mostFunctionLines, sourceFiles, tooLong, tooLongIn } from '../testing/houseRules';

const folders = ['src', 'analysis', 'bench', 'bin', 'ui'];

describe('lengths', () => {
  const found = tooLongIn(projectRoot, folders);

  test('nothing is too long', () => {
    expect(found.map(({ place, lines }) => `${place}: ${lines} lines`)).toEqual([]);
  });

  test('the walk sees every room', () => {
    const files = sourceFiles(projectRoot, folders);
    for (const file of [
      'src/claim.ts',
      'src/train/run.ts',
      'analysis/index.ts',
      'bench/main.ts',
      'bin/equipoise.cjs',
      'ui/app.mjs',
    ])
      expect(files).toContain(file);
  });
});

describe('the rule itself', () => {
  const body = (lines: number) => 'work();\n'.repeat(lines);
  const over = mostFunctionLines;

  test('counts a function from its first line to its last', () => {
    expect(tooLong('a.ts', `function f() {\n${body(over - 2)}}\n`)).toEqual([]);
    expect(tooLong('a.ts', `function f() {\n${body(over - 1)}}\n`)).toEqual([{ place: 'a.ts f', lines: over + 1 }]);
  });

  test.each([
    ['an arrow in a constant', `const f = () => {\n${body(over)}};`, 'a.ts f'],
    ['an arrow in a field', `const o = { f: () => {\n${body(over)}} };`, 'a.ts f'],
    ['a method of an object', `const o = { f() {\n${body(over)}} };`, 'a.ts f'],
    ['a method of a class', `class C { f() {\n${body(over)}} }`, 'a.ts f'],
    ['a constructor', `class C { constructor() {\n${body(over)}} }`, 'a.ts constructor'],
    ['one without a name', `run(() => {\n${body(over)}});`, 'a.ts line 1'],
    ['the outer of two', `function f() { const g = () => {\n${body(over)}}; }`, 'a.ts f'],
  ])('finds %s', (_, text, place) => {
    expect(tooLong('a.ts', text).map((each) => each.place)).toEqual([place]);
  });

  test('a reason in the comment above excuses a function, an empty one does not, and neither does one of another function', () => {
    const long = (name: string) => `function ${name}() {\n${body(over)}}\n`;
    expect(tooLong('a.ts', `// longer than a screen: one table of states\n${long('f')}`)).toEqual([]);
    expect(tooLong('a.ts', `// longer than a screen:\n${long('f')}`)).toHaveLength(1);
    const second = tooLong('a.ts', `${body(20)}// longer than a screen: one table\n${long('f')}${long('g')}`);
    expect(second.map(({ place }) => place)).toEqual(['a.ts g']);
  });

  test('a file is too long from one line more, unless its head says why', () => {
    expect(tooLong('a.ts', body(mostFileLines))).toEqual([]);
    expect(tooLong('a.ts', body(mostFileLines + 1))).toEqual([{ place: 'a.ts', lines: mostFileLines + 1 }]);
    expect(tooLong('a.ts', `/** A table. longer than a screen: it is data */\n${body(mostFileLines)}`)).toEqual([]);
    expect(tooLong('a.ts', `${body(mostFileLines)}// longer than a screen: said too late\n`)).toHaveLength(1);
  });
});
