/**
 * What EmojiIconQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

/** The categories in the order in which the question says them: of the first version, and of the second. */
export const categoryWords = {
  first: ['nature', 'food', 'travel', 'sport', 'object'],
  second: ['nature', 'food', 'building', 'vehicle', 'sport', 'object'],
} as const;

/** `nature, food or object`. */
export const listed = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`;

/** Other wordings of its prompts, with the words of its categories. */
const wordingsWith = (categories: readonly string[]): TaskDefinition['wordings'] => ({
  name: {
    others: ['What does the picture show? It shows', 'Name what you see. You see', 'What is in the picture? It is'],
  },
  count: { others: ['What is their number? There are', 'Count them. There are', 'How many do you see? You see'] },
  category: {
    others: [`Is it ${listed(categories)}? It is`, `To which kind does it belong: ${listed(categories)}? It is`],
  },
});

export const emojiIconQaTask: TaskDefinition = {
  name: 'emoji-icon-qa',
  modality: 'image',
  about: 'name, category and count of emoji; trained on two drawing styles, evaluated on a third',
  wordings: wordingsWith(categoryWords.first),
};

export const emojiIconQa2Task: TaskDefinition = {
  name: 'emoji-icon-qa-2',
  modality: 'image',
  about: 'emoji-icon-qa with categories that the pictures show (its "sport" is sport): for new work',
  wordings: wordingsWith(categoryWords.second),
};
