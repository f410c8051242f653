/**
 * What GrooveCap is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const grooveCapTask: TaskDefinition = {
  name: 'groove-cap',
  modality: 'audio',
  about: 'tempo, style and instruments of 5 s of rendered accompaniment, in captions and in questions',
};
