/**
 * What EmojiIconQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const emojiIconQaTask: TaskDefinition = {
  name: 'emoji-icon-qa',
  modality: 'image',
  about: 'name, category and count of emoji; trained on two drawing styles, evaluated on a third',
};
