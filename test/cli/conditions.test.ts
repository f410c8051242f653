/** `--where` and `--sort`: rows chosen and ordered by what a person typed. */
import { describe, expect, it } from 'vitest';
import { byText } from '../../analysis/labels';
import { parseConditions, placesBy, placesWhere } from '../../src/cli/conditions';

const rows = [
  { run: 'a', 'scheduler.kind': 'commit-clr', accuracy: 0.7, batch: 16, state: 'done', clip: true },
  { run: 'b', 'scheduler.kind': 'constant', accuracy: 0.9, batch: 8, state: 'done', clip: false },
  { run: 'c', 'scheduler.kind': 'constant', accuracy: null, batch: 128, state: 'partial' },
];
const chosen = (...texts: string[]) =>
  placesWhere(rows, texts.flatMap(parseConditions))
    .map((place) => rows[place]!.run)
    .join('');
const sorted = (field: string, reverse = false) =>
  placesBy(rows, field, reverse, byText)
    .map((place) => rows[place]!.run)
    .join('');

describe('conditions', () => {
  it.each([
    [['scheduler=commit-clr'], 'a'],
    [['scheduler.kind = constant'], 'bc'],
    [['scheduler!=constant'], 'a'],
    [['accuracy>0.7'], 'b'],
    [['accuracy>=0.7'], 'ab'],
    [['accuracy<0.9 and state=done'], 'a'],
    [['scheduler=constant', 'batch>8'], 'c'],
    [['batch=16.0'], 'a'],
    [["state='done'"], 'ab'],
    [['accuracy=null'], 'c'],
    [['accuracy!=null'], 'ab'],
    [['clip=true'], 'a'],
    [['batch=1e9'], ''],
  ])('%j choose %s', (texts, expected) => {
    expect(chosen(...texts)).toBe(expected);
  });

  it('are told wrong with what was typed', () => {
    expect(() => chosen('accuracy')).toThrow(/^--where "accuracy": is no condition; expected FIELD!= /);
    expect(() => chosen('acuracy>1')).toThrow(/there is no field "acuracy".*did you mean accuracy\?/);
    expect(() => chosen('accuracy>high')).toThrow(/"high" is no number/);
    expect(() => chosen('state>3')).toThrow(/"done" is no number/);
  });
});

describe('an order', () => {
  it('has the best first where more is better, else the smallest, and what has no value last', () => {
    expect([sorted('accuracy'), sorted('accuracy', true)]).toEqual(['bac', 'abc']);
    expect([sorted('batch'), sorted('batch', true)]).toEqual(['bac', 'cab']);
    expect([sorted('scheduler'), sorted('run', true)]).toEqual(['abc', 'cba']);
    expect(() => sorted('bach')).toThrow(/did you mean batch\?/);
  });
});
