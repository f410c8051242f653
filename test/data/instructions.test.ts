/** Several wordings of an instruction: seeded, never in evaluation, every wording known whatever the seed. */
import { describe, expect, it } from 'vitest';
import { withWordings, wordingsOf } from '../../src/data/instructions';
import type { DataSet, Item } from '../../src/data/types';

const item = (id: string, split: Item['split'], kind: string, prompt: string): Item => ({
  id,
  split,
  kind,
  slice: 'x',
  media: id,
  prompt,
  answer: 'yes',
  choices: ['yes', 'no'],
});
const set: DataSet = {
  task: 'sound-qa',
  modality: 'audio',
  identity: 'i',
  alignment: [],
  classes: [],
  media: new Map(),
  sources: [],
  items: [
    ...Array.from({ length: 60 }, (_, i) =>
      item(
        `t${i}`,
        'train',
        i % 2 ? 'present' : 'count',
        i % 2 ? 'Do you hear a bird? The answer is' : 'How many sounds do you hear? There are',
      ),
    ),
    item('e', 'evaluation', 'count', 'How many sounds do you hear? There are'),
  ],
};

describe('wordings', () => {
  it('begin with the set’s own and carry what is asked about', () => {
    expect(wordingsOf('sound-qa', item('a', 'train', 'present', 'Do you hear an engine? The answer is'))).toEqual([
      'Do you hear an engine? The answer is',
      'Is there an engine in the sound? The answer is',
      'Can an engine be heard? The answer is',
    ]);
    expect(
      wordingsOf('textvqa', { prompt: 'Question: what? Answer:', kind: 'read', question: 'what $& {}?' }),
    ).toContain('Answer the question: what $& {}? Answer:');
    expect(wordingsOf('macs', { prompt: 'Question: x Answer:', kind: 'caption', question: 'x' })).toContain(
      'Describe it:',
    );
    expect(wordingsOf('constructor', item('a', 'train', 'toString', 'p'))).toEqual(['p']);
    expect(wordingsOf('sound-qa', item('a', 'train', 'present', 'another form'))).toEqual(['another form']);
  });

  it('are chosen by the seed for training alone, all of them in turn', () => {
    const [one, again, other] = [withWordings(set, 1), withWordings(set, 1), withWordings(set, 2)];
    expect(one).toEqual(again);
    expect(one.set.items.map(({ prompt }) => prompt)).not.toEqual(other.set.items.map(({ prompt }) => prompt));
    expect(one.set.items.at(-1)).toEqual(set.items.at(-1));
    expect(new Set(one.set.items.slice(0, 60).map(({ prompt }) => prompt)).size).toBe(6);
    expect(one.all.map(({ prompt }) => prompt).sort()).toEqual(other.all.map(({ prompt }) => prompt).sort());
    expect(one.all).toHaveLength(6);
  });
});
