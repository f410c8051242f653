/**
 * What EmojiIconQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

const wordings: TaskDefinition['wordings'] = {
  name: {
    others: ['What does the picture show? It shows', 'Name what you see. You see', 'What is in the picture? It is'],
  },
  count: { others: ['What is their number? There are', 'Count them. There are', 'How many do you see? You see'] },
};

export const emojiIconQaTask: TaskDefinition = {
  name: 'emoji-icon-qa',
  modality: 'image',
  about: 'name, category and count of emoji; trained on two drawing styles, evaluated on a third',
  wordings: {
    ...wordings,
    category: {
      others: [
        'Is it nature, food, travel, sport or object? It is',
        'To which kind does it belong: nature, food, travel, sport or object? It is',
      ],
    },
  },
};

export const emojiIconQa2Task: TaskDefinition = {
  name: 'emoji-icon-qa-2',
  modality: 'image',
  about: 'emoji-icon-qa with categories that the pictures show (its "sport" is sport): for new work',
  wordings: {
    ...wordings,
    category: {
      others: [
        'Is it nature, food, building, vehicle, sport or object? It is',
        'To which kind does it belong: nature, food, building, vehicle, sport or object? It is',
      ],
    },
  },
};
