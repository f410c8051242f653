/**
 * The tasks, encoders, backbones and checkpoints that a manifest may name. One more is a line here; then run
 * `npx ts-node src/manifest/writeSchema.ts`, so that editors and docs know it too.
 */
/** What an encoder reads and a task asks about. The same words as in the data room. */
export type Modality = 'image' | 'audio';

export interface TaskName {
  modality: Modality;
  about: string;
}
export interface EncoderName {
  modality: Modality;
  /** width of one feature vector */
  width: number;
  /** it has linear layers, which take adapters */
  adapters: boolean;
  about: string;
}
export interface BackboneName {
  /** width of a token embedding */
  width: number;
  about: string;
}
export interface CheckpointName {
  modality: Modality;
  about: string;
}

/** Instruction-tuning tasks. */
export const tasks: Readonly<Record<string, TaskName>> = {
  'emoji-icon-qa': {
    modality: 'image',
    about: 'name, category and count of emoji; trained on two drawing styles, evaluated on a third',
  },
  'groove-cap': {
    modality: 'audio',
    about: 'tempo, style and instruments of 5 s of rendered accompaniment, in captions and in questions',
  },
  'pic-know-qa': {
    modality: 'image',
    about: 'what is seen and what it is a kind of: photographs and stamps, answers that WordNet confirms',
  },
  'read-qa': { modality: 'image', about: 'words on signs and handwritten digits, read and counted, over photographs' },
  'scene-cap': {
    modality: 'audio',
    about: 'captions of 5 s scenes: one to three sounds in their order over a quiet background',
  },
  'sound-qa': {
    modality: 'audio',
    about: 'what is heard, how many sounds, which came first, in 5 s mixtures of recordings',
  },
  textvqa: {
    modality: 'image',
    about: 'TextVQA as published: read the text in a photograph (files to be put in place: docs/data.md)',
  },
  iconqa: { modality: 'image', about: 'IconQA as published: choose a picture, choose a text, fill in a blank' },
  'a-okvqa': { modality: 'image', about: 'A-OKVQA as published: world knowledge, multiple choice and direct answers' },
  'clotho-aqa': { modality: 'audio', about: 'ClothoAQA as published: yes/no and single-word answers about recordings' },
  macs: { modality: 'audio', about: 'MACS as published: captions of urban scenes' },
  sdd: { modality: 'audio', about: 'Song Describer Dataset as published: captions of music' },
};

/** Feature encoders, with the modality they read. */
export const encoders: Readonly<Record<string, EncoderName>> = {
  resnet50: {
    modality: 'image',
    width: 2048,
    adapters: false,
    about: 'ResNet-50 trained on ImageNet; its last feature grid',
  },
  'whisper-tiny': {
    modality: 'audio',
    width: 384,
    adapters: true,
    about: "Whisper-tiny's encoder; the output of its second block",
  },
};

/** Language-model backbones. */
export const backbones: Readonly<Record<string, BackboneName>> = {
  stories15m: { width: 288, about: 'Llama architecture, 15 M parameters, trained on TinyStories' },
  'minimind2-small': {
    width: 512,
    about: 'Llama architecture with grouped keys, 26 M parameters, trained on Chinese and English text and chats',
  },
};

/** Published checkpoints that data manifests fetch whole; a user's own stand in a folder (checkpointNames.ts). */
export const checkpoints: Readonly<Record<string, CheckpointName>> = {
  'blip2-opt-2-7b': { modality: 'image', about: 'BLIP-2 with OPT-2.7B' },
  'llava-1-5-7b': { modality: 'image', about: 'LLaVA-1.5 with Vicuna-7B' },
};

/** An entry of one of the tables above by a name from outside; never an inherited property such as `constructor`. */
export function lookUp<T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
}
