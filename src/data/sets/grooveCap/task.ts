/**
 * What GrooveCap is, without the code that makes it: the tables of names read this, the generator beside it does the
 * work.
 */
import type { TaskDefinition } from '../../types';

export const grooveCapTask: TaskDefinition = {
  name: 'groove-cap',
  modality: 'audio',
  about: 'tempo, style and instruments of 5 s of rendered accompaniment, in captions and in questions',
  wordings: {
    caption: { others: ['Describe the music. It is', 'What do you hear? It is'] },
    style: { others: ['In which style is the music? It is', 'Name the style of the music. It is'] },
    tempo: { others: ['What is the tempo? It is', 'Is the music slow or fast? It is'] },
  },
};
