/**
 * What SceneCap is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const sceneCapTask: TaskDefinition = {
  name: 'scene-cap',
  modality: 'audio',
  about: 'captions of 5 s scenes: one to three sounds in their order over a quiet background',
};
