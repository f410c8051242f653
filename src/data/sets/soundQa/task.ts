/**
 * What SoundQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const soundQaTask: TaskDefinition = {
  name: 'sound-qa',
  modality: 'audio',
  about: 'what is heard, how many sounds, which came first, in 5 s mixtures of recordings',
  wordings: {
    present: {
      pattern: /^Do you hear (.+)\? The answer is$/,
      others: ['Is there {} in the sound? The answer is', 'Can {} be heard? The answer is'],
    },
    which: { others: ['What makes the sound? It is', 'What is heard? It is'] },
    count: { others: ['How many different sounds are there? There are', 'Count the sounds. There are'] },
    first: { others: ['Which sound comes first? It is', 'What begins? It is'] },
  },
};
