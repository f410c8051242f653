/**
 * What PicKnowQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const picKnowQaTask: TaskDefinition = {
  name: 'pic-know-qa',
  modality: 'image',
  about: 'what is seen and what it is a kind of: photographs and stamps, answers that WordNet confirms',
  wordings: {
    object: { others: ['What does the picture show? It is', 'Name the thing in the picture. It is'] },
    hypernym: {
      others: ['To what kind does it belong? It is a kind of', 'How would you classify it? It is a kind of'],
    },
    category: { others: ['What sort of thing do you see? It is', 'Which kind of thing is shown? It is'] },
  },
};

export const picKnowQa2Task: TaskDefinition = {
  ...picKnowQaTask,
  name: 'pic-know-qa-2',
  about: 'pic-know-qa with categories that the pictures show (a violin is no tool, a wheel no vehicle): for new work',
};
