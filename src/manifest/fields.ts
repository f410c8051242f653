/**
 * Every field of RunSpec as data: its values, limits and meaning. The JSON Schema, the names of axes, the check of a
 * resolved run and the tables in docs/manifests.md all come from this one table; the compiler and a test hold it to run.ts.
 */
import { backbones, connectors, encoders, tasks } from './names';
import type {
  ConnectorSpec,
  MeasureSpec,
  OptimiserSpec,
  PublishedTuning,
  RegulariserSpec,
  RunSpec,
  SchedulerSpec,
  TuningSpec,
} from './run';

/** JSON Schema of a value that is not divided further, with its description. */
export interface Leaf {
  type: 'leaf';
  about: string;
  schema: Record<string, unknown>;
  /** the room that uses it has its own default */
  optional?: boolean;
}
/** An object of named fields; a manifest may give any part of it. */
export interface Group {
  type: 'group';
  about: string;
  fields: Record<string, Field>;
  /** one number in its place stands for every field */
  shared?: boolean;
}
/** An object whose `tag` decides which fields it has. */
export interface Choice {
  type: 'choice';
  about: string;
  tag: 'kind' | 'on';
  /** a manifest may write the bare kind instead of an object */
  shorthand: boolean;
  options: Record<string, { about: string; fields: Record<string, Leaf> }>;
}
export type Field = Leaf | Group | Choice;

const leaf = (about: string, schema: Record<string, unknown>): Leaf => ({ type: 'leaf', about, schema });
const named = (about: string, names: Record<string, unknown>): Leaf =>
  leaf(about, { type: 'string', enum: Object.keys(names) });
const whole = (about: string, minimum: number, maximum: number): Leaf =>
  leaf(about, { type: 'integer', minimum, maximum });
const number = (about: string, minimum: number, maximum: number): Leaf =>
  leaf(about, { type: 'number', minimum, maximum });
const above0 = (about: string, maximum: number): Leaf => leaf(about, { type: 'number', exclusiveMinimum: 0, maximum });
const own = (field: Leaf): Leaf => ({ ...field, optional: true });
const choice = (about: string, options: Choice['options'], tag: Choice['tag'] = 'kind'): Choice => ({
  type: 'choice',
  about,
  tag,
  shorthand: tag === 'kind',
  options,
});

/** The keys of one variant of a tagged union, so that the compiler notices an option that run.ts has and this table lacks. */
type Options<Spec, Kind> = Record<Exclude<keyof Extract<Spec, { kind: Kind }>, 'kind'>, Leaf>;

/** Most steps, examples or epochs that a run may ask for: a typing error, not a plan, lies beyond. */
const most = 100_000_000;
const rate = (module: string): Leaf => above0(`base learning rate of the ${module}`, 10);

const mlp: Options<ConnectorSpec, 'mlp'> = {
  tokens: own(whole('tokens given to the backbone', 1, 256)),
  width: own(whole('hidden width', 1, 16_384)),
};
const qformer: Options<ConnectorSpec, 'qformer'> = {
  ...mlp,
  layers: own(whole('transformer layers', 1, 24)),
  heads: own(whole('attention heads; must divide the width', 1, 64)),
};
const pixelShuffle: Options<ConnectorSpec, 'pixel-shuffle'> = {
  factor: own(whole('side of the squares of feature rows that become one token', 1, 64)),
  width: mlp.width,
};
const blip2Qformer: Options<ConnectorSpec, 'blip2-qformer'> = {
  tokens: mlp.tokens,
  layers: qformer.layers,
  start: own(
    leaf("what the Q-Former's self-attention and feed-forward layers start from", {
      type: 'string',
      enum: ['minilm', 'random'],
    }),
  ),
};
const windowQformer: Options<ConnectorSpec, 'window-qformer'> = {
  window: own(whole('feature rows in a window', 1, 1024)),
  queries: own(whole('learned queries, and so tokens, a window', 1, 64)),
  layers: blip2Qformer.layers,
  start: blip2Qformer.start,
};
const coordinateDescent: Options<SchedulerSpec, 'feature-cd' | 'language-cd'> = {
  warm: number('share of the run in which the named module trains alone', 0, 1),
  period: whole('steps between alternations afterwards', 1, 1_000_000),
};
const coordinated: Options<SchedulerSpec, 'commit-clr' | 'commit'> = {
  rule: leaf('how kappa moves the rates (docs/method.md)', {
    type: 'string',
    enum: ['symmetric', 'lagging', 'integral'],
  }),
  interval: whole('steps between updates of the rates', 1, 1_000_000),
  window: whole('measured kappas in the moving average', 1, 10_000),
  exponent: above0("exponent: p of kappa, or a of a gradient's decay (docs/method.md)", 4),
  clip: number('factors stay within 1/clip and clip', 1, 1000),
};
const warmupCosine: Options<SchedulerSpec, 'warmup-cosine'> = {
  final: number('factor of both rates at the last step', 0, 1),
};
const ogmGe: Options<SchedulerSpec, 'ogm-ge'> = {
  strength: above0('how strongly ogm-ge slows the dominating module', 10),
};
const gradNorm: Options<SchedulerSpec, 'gradnorm'> = {
  exponent: coordinated.exponent,
  rate: above0('share of the way to its new weights that gradnorm goes in each step', 1),
};
const lora: Options<TuningSpec, 'lora'> = {
  rank: whole('rank of the adapters', 1, 1024),
  alpha: above0('scale: the adapter is multiplied by alpha / rank', 10_000),
  targets: leaf('names of the weight matrices that get an adapter', {
    type: 'array',
    minItems: 1,
    maxItems: 64,
    uniqueItems: true,
    items: { type: 'string', pattern: '^[A-Za-z0-9_]{1,64}$' },
  }),
};
const commitRegulariser: Options<RegulariserSpec, 'commit'> = {
  lambda: number('weight of the regulariser', 0, 1000),
  cap: above0('each divergence is capped here, nats per label token', 1000),
};
type OptimiserLeaf = Record<Exclude<keyof OptimiserSpec, 'kind'>, Leaf>;
const optimiserFields: OptimiserLeaf = {
  beta1: leaf('decay of the first moment', { type: 'number', minimum: 0, exclusiveMaximum: 1 }),
  beta2: leaf('decay of the second moment', { type: 'number', minimum: 0, exclusiveMaximum: 1 }),
  epsilon: above0('added to the root of the second moment', 1),
  weightDecay: number('weight decay', 0, 10),
  momentum: leaf('momentum', { type: 'number', minimum: 0, exclusiveMaximum: 1 }),
  clip: number("each module's gradient is scaled down to this norm; 0 switches it off", 0, 1_000_000),
};
const { momentum, ...adam } = optimiserFields;
const { weightDecay, clip } = optimiserFields;
const measureFields: Record<Exclude<keyof MeasureSpec, 'on'>, Leaf> = {
  every: whole('steps between measurements of kappa', 1, 1_000_000),
  variant: leaf('a: one module steps from the old state; b: one module is reverted from the new state', {
    type: 'string',
    enum: ['a', 'b'],
  }),
  probe: whole('questions in the fixed probe', 1, 4096),
};
const { probe, ...everyMeasure } = measureFields;

/** The kinds of each tagged union: the compiler demands every kind of run.ts. */
const connectorKinds: Record<ConnectorSpec['kind'], Choice['options'][string]> = {
  mlp: { about: connectors.mlp.about, fields: mlp },
  qformer: { about: connectors.qformer.about, fields: qformer },
  'pixel-shuffle': { about: connectors['pixel-shuffle'].about, fields: pixelShuffle },
  'blip2-qformer': { about: connectors['blip2-qformer'].about, fields: blip2Qformer },
  'window-qformer': { about: connectors['window-qformer'].about, fields: windowQformer },
  published: { about: connectors.published.about, fields: {} },
};
const schedulerKinds: Record<SchedulerSpec['kind'], Choice['options'][string]> = {
  constant: { about: 'fixed rates', fields: {} },
  'feature-cd': { about: 'block-coordinate descent, the encoder first', fields: coordinateDescent },
  'language-cd': { about: 'block-coordinate descent, the backbone first', fields: coordinateDescent },
  'commit-clr': { about: 'learning rates coordinated by kappa', fields: coordinated },
  commit: { about: 'commit-clr with the regulariser', fields: coordinated },
  'ogm-ge': { about: 'slows the module that dominates, and adds noise to the gradients', fields: ogmGe },
  'warmup-cosine': { about: 'half a cosine for both rates', fields: warmupCosine },
  gradnorm: { about: 'slows the module whose gradient died away further', fields: gradNorm },
};
const regulariserKinds: Record<RegulariserSpec['kind'], Choice['options'][string]> = {
  none: { about: 'no regulariser', fields: {} },
  commit: { about: 'rewards change of the generation distribution', fields: commitRegulariser },
};
const tuningKinds: Record<(TuningSpec | PublishedTuning)['kind'], Choice['options'][string]> = {
  lora: { about: 'low-rank adapters', fields: lora },
  full: { about: 'every weight', fields: {} },
  frozen: { about: 'nothing', fields: {} },
  published: { about: 'as the family of the checkpoint is usually tuned', fields: {} },
};
const optimiserKinds: Record<OptimiserSpec['kind'], Choice['options'][string]> = {
  adamw: { about: 'Adam with decoupled weight decay', fields: adam },
  adam: { about: 'Adam, weight decay added to the gradient', fields: adam },
  sgd: { about: 'stochastic gradient descent', fields: { momentum, weightDecay, clip } },
};
const measureKinds: Record<MeasureSpec['on'], Choice['options'][string]> = {
  batch: { about: 'the training batch', fields: everyMeasure },
  probe: {
    about: 'a fixed set of training questions: far less noisy, one more forward pass',
    fields: { ...everyMeasure, probe },
  },
};

/** Lengths of a run: names of their own in a manifest, of which a run has exactly one. */
export const durationFields = {
  steps: whole('length of the run in optimiser steps', 1, most),
  epochs: above0('length of the run in passes over the training split', 1_000_000),
  examples: whole('length of the run in training examples', 1, most),
};

/** All fields of a run, in the order in which a grid is walked: the first varies slowest, the seed fastest. */
export const runFields: Record<keyof RunSpec, Field> = {
  task: named('what is asked', tasks),
  instructions: leaf(
    'wordings of the instructions in training: the one of the set, or several, chosen by the seed; evaluation uses the one',
    { type: 'string', enum: ['one', 'several'] },
  ),
  checkpoint: own(
    leaf(
      'a published checkpoint in place of encoder, connector and backbone: one that is fetched, or the name of a folder (docs/models.md)',
      { type: 'string', pattern: '^[a-z0-9][a-z0-9.-]{0,63}$', examples: ['llava-1-5-7b'] },
    ),
  ),
  encoder: named('the feature encoder; it must read the modality of the task', encoders),
  connector: choice("how features become the backbone's prefix tokens", connectorKinds),
  connectorSide: leaf(
    "whose rate and gradient the connector's parameters count to; `backbone` needs `tuning.encoder`, since the encoder's tower is frozen",
    { type: 'string', enum: ['encoder', 'backbone'] },
  ),
  backbone: named('the language model', backbones),
  tuning: {
    type: 'group',
    about: 'which parameters of a pretrained module are trained',
    fields: {
      encoder: own(
        leaf(
          'what is trained behind the frozen tower, beside the connector: a scale and a shift of each feature channel',
          { type: 'string', enum: ['scale-shift'] },
        ),
      ),
      backbone: choice('which parameters of the backbone are trained', tuningKinds),
    },
  },
  learningRate: {
    type: 'group',
    shared: true,
    about: 'base learning rates; one number stands for both modules',
    fields: { encoder: rate('encoder'), backbone: rate('backbone') },
  },
  scheduler: choice('how the learning rates move', schedulerKinds),
  regulariser: choice('the regulariser; scheduler commit brings it along', regulariserKinds),
  optimiser: choice('the update rule of both modules', optimiserKinds),
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
          items: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,63}$' },
        }),
      ),
    },
  },
  device: leaf("asks for a processor; never part of a run's identity", { type: 'string', enum: ['cpu', 'gpu', 'any'] }),
  seed: whole('seed of every random number of the run', 0, 2_147_483_647),
};

/** The fields of a choice's options together; a field of several options is the same Leaf in each. */
function allOptionFields(field: Choice): Record<string, Leaf> {
  return Object.assign({}, ...Object.values(field.options).map((option) => option.fields)) as Record<string, Leaf>;
}

/** The fields directly inside a field; a choice's tag is one of them. */
export function innerFields(field: Field): Record<string, Field> {
  switch (field.type) {
    case 'leaf':
      return {};
    case 'group':
      return field.fields;
    case 'choice':
      return {
        [field.tag]: leaf(field.about, { type: 'string', enum: Object.keys(field.options) }),
        ...allOptionFields(field),
      };
  }
}

/** Every name that an axis may have, `field` or dotted `field.inner`, with its Field, in walking order: parents before children. */
export const fieldsByPath: ReadonlyMap<string, Field> = new Map(
  Object.entries<Field>({ ...runFields, ...durationFields })
    .flatMap(([name, field]) => withInner(name, field))
    // The seed varies fastest, so lengths come before it.
    .sort(([a], [b]) => Number(a === 'seed') - Number(b === 'seed')),
);

function withInner(path: string, field: Field): [string, Field][] {
  return [
    [path, field],
    ...Object.entries(innerFields(field)).flatMap(([name, inner]) => withInner(`${path}.${name}`, inner)),
  ];
}
