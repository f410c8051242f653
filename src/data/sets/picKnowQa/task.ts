/**
 * What PicKnowQA is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const picKnowQaTask: TaskDefinition = {
  name: 'pic-know-qa',
  modality: 'image',
  about: 'what is seen and what it is a kind of: photographs and stamps, answers that WordNet confirms',
};
