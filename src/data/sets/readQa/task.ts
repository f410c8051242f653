/**
 * What ReadQA is, without the code that makes it: the tables of names read this, the generator beside it does the work.
 */
import type { TaskDefinition } from '../../types';

export const readQaTask: TaskDefinition = {
  name: 'read-qa',
  modality: 'image',
  about: 'words on signs and handwritten digits, read and counted, over photographs',
  wordings: {
    word: { others: ['Read the sign. It says', 'What is written there? It says'] },
    letters: { others: ['Count the letters of the word. It has', 'How long is the word, in letters? It has'] },
    digit: { others: ['Read the digit. It is', 'What digit do you see? It is'] },
    number: { others: ['Read both digits. They are', 'What are the two digits? They are'] },
    digits: { others: ['Count the digits. There are', 'What is the number of digits? There are'] },
  },
};
