/**
 * What SoundQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const soundQaTask: TaskDefinition = {
  name: 'sound-qa',
  modality: 'audio',
  about: 'what is heard, how many sounds, which came first, in 5 s mixtures of recordings',
};
