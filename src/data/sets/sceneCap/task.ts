/**
 * What SceneCap is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

/** By how many sounds are heard. */
const kinds = ['one', 'two', 'three'];
const ofEach = <T>(value: T): Record<string, T> => Object.fromEntries(kinds.map((kind) => [kind, value]));

export const sceneCapTask: TaskDefinition = {
  name: 'scene-cap',
  modality: 'audio',
  about: 'captions of 5 s scenes: one to three sounds in their order over a quiet background',
  wordings: ofEach({ others: ['Describe the sound. You hear', 'What is going on? You hear'] }),
  metrics: ofEach('captions'),
};
