/** What rows of `equipoise resources` are called. */
import { expect, it } from 'vitest';
import { rowNames } from '../../src/cli/resources';

it('tells every two models apart, however their files are called', () => {
  expect(rowNames(['llava-1.5-7b', 'cfg/llava-13b.json', 'cfg/internvl2-8b.json'])).toEqual([
    'llava-1.5-7b',
    'llava-13b',
    'internvl2-8b',
  ]);
  expect(rowNames(['a/one/config.json', 'two/config.json'])).toEqual(['one', 'two']);
  expect(rowNames(['a/one/config.json', 'b/one/config.json', 'b/one.json'])).toEqual([
    'a/one/config.json',
    'b/one/config.json',
    'b/one.json',
  ]);
});
