/** Texts that a template cannot hold are told with the records that they are of, all at once. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DataSet, Item } from '../../src/data/types';
import { openProcessor } from '../../src/models/published/processors';
import { conversationCodec } from '../../src/train/codec';
import { textsIn } from '../../src/train/texts';
import { writeCheckpoint } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';

const { folder } = withCache();

const item = (id: string, prompt: string, answer = 'it', choices: string[] = []): Item => ({
  id,
  split: 'train',
  kind: 'k',
  slice: 's',
  media: 'm',
  prompt,
  answer,
  choices,
});
const setOf = (items: Item[]): DataSet => ({
  task: 'mine',
  modality: 'image',
  identity: 'x',
  items,
  alignment: items.map(({ media, prompt, answer }) => ({ kind: 'caption', media, prompt, answer })),
  classes: [],
  media: new Map(),
  sources: [],
});

it('in a chat template', () => {
  const { codec } = conversationCodec(
    openProcessor(writeCheckpoint(join(folder, 'llava'), 'llava-1.5'), { whole: true }),
  );
  expect(textsIn(setOf([item('mine/1', 'What is it?')]), codec).labels).toBeGreaterThan(1);
  const said = () =>
    textsIn(
      setOf([
        item('mine/1', 'What is it?'),
        item('mine/two  spaces', '<image> What is it?'),
        item('mine/3', 'Which?', 'it', ['it', 'a </s> b']),
        item('mine/4', ' '),
      ]),
      codec,
    );
  expect(said).toThrow(/question mine\/two {2}spaces, conversation \/turns\/0\/question: "<image>" in/);
  expect(said).toThrow(/question mine\/3, conversation \/turns\/0\/answer: "<\/s>" in/);
  expect(said).toThrow(/question mine\/4, conversation \/turns\/0\/question: no text/);
  const many = setOf(Array.from({ length: 50 }, (_, i) => item(`mine/${i}`, '<image>')));
  expect(() => textsIn(many, codec)).toThrow(/question mine\/19,[^\n]*\nthe set: has 30 more such questions/);
});
