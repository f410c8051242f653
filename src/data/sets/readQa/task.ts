/**
 * What ReadQA is, without the code that makes it: the tables of names read this, the generator beside it does the work.
 */
import type { TaskDefinition } from '../../types';

export const readQaTask: TaskDefinition = {
  name: 'read-qa',
  modality: 'image',
  about: 'words on signs and handwritten digits, read and counted, over photographs',
};
