/**
 * Every field of RunSpec as data: its values, limits and meaning. The JSON Schema, the names of axes, the check of a
 * resolved run and the tables in docs/manifests.md all come from this one table; the compiler and a test hold it to
 * run.ts.
 */
import { measureKinds } from '../balance/measureKinds';
import { regularisers } from '../balance/regularisers';
import { schedulers } from '../balance/schedulers';
import { connectors } from '../models/zoo/connectors';
import { backboneTunings, checkpointings, connectorTunings, towerTunings } from '../models/tuningKinds';
import { partName, tablesAreRead, type Kinds } from '../parts/define';
import { above0, leaf, number, oneOf, whole, type Leaf } from '../parts/options';
import { checkpointNameForm, tiledFamily } from '../sources/checkpointNames';
import { kernelNames } from '../tensor/kernels';
import { optimisers } from '../tensor/optimiserKinds';
import { precisions } from '../tensor/precision';
import { mergedOptions } from './mergedOptions';
import { backbones, encoders, tasks } from './names';
import type { RunSpec } from './run';
import { taskNameForm } from './taskNames';

export type { Leaf } from '../parts/options';

/** An object of named fields; a manifest may give any part of it. */
export interface Group {
  type: 'group';
  about: string;
  fields: Record<string, Field>;
  /** one number in its place stands for every field that a run must have */
  shared?: boolean;
}
/**
 * An object whose `tag` decides which options it has: one of the kinds of a table, to which parts may be added at
 * start-up.
 */
export interface Choice {
  type: 'choice';
  about: string;
  tag: 'kind' | 'on';
  /** a manifest may write the bare kind instead of an object */
  shorthand: boolean;
  kinds: Kinds;
  /** a user may add kinds, with options of their own */
  own?: boolean;
}
export type Field = Leaf | Group | Choice;

/**
 * One of a table's names, asked for when the schema is made, so that parts added at start-up are among them. `own`:
 * what further names look like that a user may add.
 */
const named = (about: string, table: Record<string, unknown>, own?: string): Leaf => ({
  type: 'leaf',
  about,
  ...(own === undefined ? {} : { own }),
  get schema() {
    tablesAreRead();
    return { type: 'string', enum: Object.keys(table) };
  },
});
const own = (field: Leaf): Leaf => ({ ...field, optional: true });
const extensible = (field: Choice): Choice => ({ ...field, own: true });
const choice = (about: string, kinds: Kinds, tag: Choice['tag'] = 'kind'): Choice => ({
  type: 'choice',
  about,
  tag,
  shorthand: tag === 'kind',
  kinds,
});

const taskName = `^${taskNameForm}$`;

/** Most steps, examples or epochs that a run may ask for: a typing error, not a plan, lies beyond. */
const most = 100_000_000;
const rate = (module: string): Leaf => above0(`base learning rate of the ${module}`, 10);
const partRate = (part: string): Leaf =>
  own(
    number(
      `base learning rate of the ${part}, where it is not that of the module to which it counts; 0 keeps it as it is`,
      0,
      10,
    ),
  );

/** Lengths of a run: names of their own in a manifest, of which a run has exactly one. */
export const durationFields = {
  steps: whole('length of the run in optimiser steps', 1, most),
  epochs: above0('length of the run in passes over the training split', 1_000_000),
  examples: whole('length of the run in training examples', 1, most),
};

/** All fields of a run, in the order in which a grid is walked: the first varies slowest, the seed fastest. */
export const runFields: Record<keyof RunSpec, Field> = {
  task: named('what is asked', tasks, taskName),
  instructions: oneOf(
    'wordings of the instructions in training: the one of the set, or several, chosen by the seed; evaluation uses the one',
    ['one', 'several'],
  ),
  checkpoint: own(
    leaf(
      'a published checkpoint in place of encoder, connector and backbone: one that is fetched, or the name of a folder (docs/models.md)',
      { type: 'string', pattern: `^${checkpointNameForm}$`, examples: ['llava-1-5-7b'] },
    ),
  ),
  tiles: whole(
    `most tiles into which an image is cut for a checkpoint of ${tiledFamily}, with a thumbnail of it beside them; 1: it is seen whole (docs/models.md)`,
    1,
    12,
  ),
  encoder: named('the feature encoder; it must read the modality of the task', encoders, partName),
  connector: extensible(choice("how features become the backbone's prefix tokens", connectors)),
  connectorSide: leaf(
    "whose rate and gradient the connector's parameters count to; `backbone` needs a tower that is tuned, since nothing else of the encoder is left",
    { type: 'string', enum: ['encoder', 'backbone'] },
  ),
  backbone: named('the language model', backbones),
  vocabulary: oneOf(
    "words among which the model chooses: the backbone's whole vocabulary, or those that occur in the texts of the task, the words of the evaluation and of `evaluate.transfer` among them (docs/method.md section 1); a checkpoint always has the whole",
    ['task', 'whole'],
  ),
  tuning: {
    type: 'group',
    about: 'which parameters of each part are trained',
    fields: {
      tower: choice("which parameters of the encoder's tower are trained", towerTunings),
      encoder: {
        ...own(
          oneOf('the same as this kind of `tuning.tower`, which was called so before it had others', ['scale-shift']),
        ),
        older: 'tower',
      },
      connector: choice('which parameters of the connector are trained', connectorTunings),
      backbone: choice('which parameters of the backbone are trained', backboneTunings),
    },
  },
  checkpointing: oneOf(
    'what a training step keeps of its forward pass: all of it, or with `layers` of each layer of the backbone, and of a tower that is tuned, only its input, and computes the rest again for the gradient: less memory, a quarter to a half more time',
    checkpointings,
  ),
  learningRate: {
    type: 'group',
    shared: true,
    about: 'base learning rates; one number stands for both modules',
    fields: {
      encoder: rate('encoder'),
      tower: partRate("encoder's tower"),
      connector: partRate('connector'),
      backbone: rate('backbone'),
    },
  },
  scheduler: extensible(choice('how the learning rates move', schedulers)),
  regulariser: extensible(choice('the regulariser; a scheduler may bring one along', regularisers)),
  optimiser: choice('the update rule of both modules', optimisers),
  precision: oneOf(
    'of the numbers of a training step: `bfloat16` keeps frozen matrices in it and rounds the products of the training pass to it; kappa, regulariser, evaluation and trained parameters stay float32 (docs/method.md section 9). Backend tensorflow only',
    precisions,
  ),
  align: {
    type: 'group',
    about: 'alignment phase before the run: only the encoder, shared by all methods of a seed',
    fields: {
      steps: whole('alignment steps; 0 leaves the phase out', 0, most),
      learningRate: rate('encoder in the alignment phase'),
      batch: whole('examples in an alignment batch', 1, 4096),
    },
  },
  duration: leaf('length of the run, as exactly one of steps, epochs and examples', {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(durationFields).map(([name, { schema }]) => [name, schema])),
  }),
  batch: whole('examples in a batch', 1, 4096),
  accumulate: whole(
    'equal parts of a batch whose gradients are taken one after the other and added up, for less memory; must divide `batch`',
    1,
    4096,
  ),
  warmup: whole('steps of linear warm-up from 0, on top of the scheduler', 0, most),
  measure: choice('when and on which examples kappa is measured', measureKinds, 'on'),
  evaluate: {
    type: 'group',
    about: 'when and on how many questions the run is evaluated; always once at the end',
    fields: {
      every: whole('steps between evaluations on the validation slice; 0: only at the end', 0, most),
      limit: whole('at most this many questions of the evaluation split; 0: all', 0, most),
      validation: whole('at most this many questions of the validation slice at each evaluation', 1, most),
      transfer: own(
        leaf('other tasks of the same modality, evaluated once at the end without having trained on them', {
          type: 'array',
          minItems: 1,
          maxItems: 32,
          uniqueItems: true,
          items: { type: 'string', pattern: taskName },
        }),
      ),
    },
  },
  kernels: oneOf(
    "operations that the model is made of: TensorFlow's own, or `fused` ones (docs/performance.md), which round otherwise and only TensorFlow on a processor has: elsewhere such a run computes with the plain ones",
    kernelNames,
  ),
  device: leaf("asks for a processor; never part of a run's identity", { type: 'string', enum: ['cpu', 'gpu', 'any'] }),
  seed: whole('seed of every random number of the run', 0, 2_147_483_647),
};

/** The fields directly inside a field; a choice's tag is one of them. */
export function innerFields(field: Field): Record<string, Field> {
  switch (field.type) {
    case 'leaf':
      return {};
    case 'group':
      return field.fields;
    case 'choice':
      return choiceFields(field);
  }
}

/** Made once for each choice. */
const fieldsOfChoices = new WeakMap<Choice, Record<string, Field>>();

function choiceFields(field: Choice): Record<string, Field> {
  tablesAreRead();
  const known = fieldsOfChoices.get(field);
  if (known !== undefined) return known;
  const tag = oneOf(field.about, Object.keys(field.kinds));
  const fields = {
    [field.tag]: field.own === true ? { ...tag, own: partName } : tag,
    ...mergedOptions(field.kinds),
  };
  fieldsOfChoices.set(field, fields);
  return fields;
}

let byPath: ReadonlyMap<string, Field> | undefined;

/**
 * Every name that an axis may have, `field` or dotted `field.inner`, with its Field, in walking order: parents before
 * children. Made on first use; no part can be registered afterwards.
 */
export function fieldsByPath(): ReadonlyMap<string, Field> {
  byPath ??= new Map(
    Object.entries<Field>({ ...runFields, ...durationFields })
      .flatMap(([name, field]) => withInner(name, field))
      // The seed varies fastest, so lengths come before it.
      .sort(([a], [b]) => Number(a === 'seed') - Number(b === 'seed')),
  );
  return byPath;
}

function withInner(path: string, field: Field): [string, Field][] {
  return [
    [path, field],
    ...Object.entries(innerFields(field)).flatMap(([name, inner]) => withInner(`${path}.${name}`, inner)),
  ];
}
