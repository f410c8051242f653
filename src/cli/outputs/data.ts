/** Outputs of the commands about data, models and this machine. */
import { kernelNames } from '../../tensor/kernels';
import { precisions } from '../../tensor/precision';
import { text, number, whole, flag, list, byName, oneOf, orNull, object, needs, type Output } from './fields';

const row = object({ slice: text, kind: text });

/** By name. */
export const dataOutputs = {
  'data-list': {
    command: 'data list',
    about: 'the data manifests',
    fields: object({
      sources: list(
        object({
          name: text,
          keywords: list(text),
          bytes: number,
          state: text,
          license: text,
          identity: orNull(text),
          folder: orNull(text),
        }),
      ),
    }),
  },
  'data-fetch': {
    command: 'data fetch',
    about: 'where the fetched sources lie',
    fields: object({ sources: list(object({ name: text, folder: text })) }),
  },
  'data-verify': {
    command: 'data verify',
    about: 'sources with their damage',
    fields: object({
      sources: list(
        object({
          name: text,
          state: text,
          files: whole,
          bytes: number,
          damage: list(object({ path: text, found: text, expected: text })),
        }),
      ),
    }),
  },
  'data-tasks': {
    command: 'data tasks',
    about: 'the published sets and your own tasks',
    fields: object({ tasks: list(object({ name: text, modality: text, state: text, folder: text, license: text })) }),
  },
  'data-import': {
    command: 'data import',
    about: 'a set that was read and kept',
    fields: object({
      name: text,
      folder: text,
      identity: text,
      items: byName(whole),
      media: whole,
      notices: list(text),
      lock: orNull(text),
      places: { type: 'array' },
    }),
  },
  'data-preview': {
    command: 'data preview',
    about: 'the card of a generated set',
    fields: object({ task: text, card: { type: 'object' } }),
  },
  'data-probe': {
    command: 'data probe',
    about: 'accuracies of linear probes',
    fields: object({
      task: text,
      encoder: text,
      split: text,
      rows: list({ allOf: [row, object({ total: whole, chance: number, prior: number, probe: number })] }),
    }),
  },
  'data-baseline': {
    command: 'data baseline',
    about: 'scores of guesses from the questions alone',
    fields: object({
      task: text,
      split: text,
      rows: list({ allOf: [row, object({ n: whole, exact: number, texts: { type: 'object' } })] }),
    }),
  },
  doctor: {
    command: 'doctor',
    about: 'backends, tools and caches of this machine',
    fields: object({
      node: object({ version: text, supported: flag }),
      system: text,
      backends: list(object({ name: text, works: flag, problem: text })),
      linked: orNull({ type: 'object' }),
      cache: object({ folder: text, parts: list(object({ name: text, bytes: number })) }),
      tools: list(object({ name: text, path: orNull(text), use: text })),
      missing: list(object({ what: text, command: text })),
      link: orNull({ type: 'object' }),
    }),
  },
  'check-model': {
    command: 'check-model',
    about: 'a checkpoint against the numbers of a reference implementation',
    fields: object({
      backend: { type: 'object' },
      folder: text,
      family: text,
      failures: list(text),
      notices: list(text),
      trajectory: list({ type: 'object' }),
      worst: { type: 'object' },
    }),
  },
  resources: {
    command: 'resources',
    about: 'what a step of each model needs',
    fields: object({
      size: object({ batch: whole, text: whole, labels: whole }),
      backend: text,
      precision: oneOf(...precisions),
      kernels: oneOf(...kernelNames),
      models: list(object({ name: text, family: text, defaults: { type: 'object' }, needs })),
      measured: orNull({ type: 'object' }),
    }),
  },
} satisfies Readonly<Record<string, Output>>;
