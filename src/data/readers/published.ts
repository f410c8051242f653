/** The published sets as plain data. Their manifests say what they are; here is what is asked, in one line each. */
import aokVqa from '../../../data-manifests/published/a-okvqa.json';
import clothoAqa from '../../../data-manifests/published/clotho-aqa.json';
import daquar from '../../../data-manifests/published/daquar.json';
import iconQa from '../../../data-manifests/published/iconqa.json';
import macs from '../../../data-manifests/published/macs.json';
import sdd from '../../../data-manifests/published/sdd.json';
import textVqa from '../../../data-manifests/published/textvqa.json';
import type { TaskDefinition } from '../types';

const define = ({ name, modality }: { name: string; modality: string }, about: string): TaskDefinition => ({
  name,
  modality: modality === 'audio' ? 'audio' : 'image',
  about,
});

export const publishedTasks: readonly TaskDefinition[] = [
  define(textVqa, 'TextVQA as published: read the text in a photograph (files to be put in place: docs/data.md)'),
  define(iconQa, 'IconQA as published: choose a picture, choose a text, fill in a blank'),
  define(aokVqa, 'A-OKVQA as published: world knowledge, multiple choice and direct answers'),
  define(clothoAqa, 'ClothoAQA as published: yes/no and single-word answers about recordings'),
  define(macs, 'MACS as published: captions of urban scenes'),
  define(sdd, 'Song Describer Dataset as published: captions of music'),
  define(daquar, 'DAQUAR as published: questions and answers by people about photographs of rooms'),
];
