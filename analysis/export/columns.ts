/**
 * The tables that `equipoise export metrics` writes: their columns and the names of their values, each with its unit.
 * docs/exports.md is made of this list.
 */

/** `texts` and `numbers` are lists; in CSV they stand as JSON. */
export type ColumnType = 'text' | 'integer' | 'number' | 'boolean' | 'texts' | 'numbers';

export interface Column {
  name: string;
  type: ColumnType;
  about: string;
  unit?: string;
}

/** A cell in the type of its column. */
export type TidyCell = string | number | boolean | readonly string[] | readonly number[] | null;

export const tableNames = ['runs', 'metrics', 'predictions'] as const;
export type TidyTableName = (typeof tableNames)[number];

/** What each table holds. */
export const tableAbouts: Readonly<Record<TidyTableName, string>> = {
  runs: 'a row a finished run: what it is, all its settings, its result',
  metrics: 'every number of the journals, a row each, in the order of run and step',
  predictions: 'what each run answered to each question of its final evaluations, in the order of the questions',
};

/** The first columns of `runs`. */
export const runColumns: readonly Column[] = [
  { name: 'run', type: 'text', about: 'id of the run, also the name of its folder; the other tables refer to it' },
  { name: 'experiment', type: 'text', about: 'the experiment that it was trained for' },
  { name: 'identity', type: 'text', about: 'sha256 over what decides the result; the id is its beginning' },
  { name: 'panel', type: 'text', about: 'task and set-up in words, as in figures and tables' },
  { name: 'method', type: 'text', about: 'scheduler and options that differ from the defaults, in words' },
  { name: 'setting', type: 'text', about: 'the learning rates in words' },
  {
    name: 'accuracy',
    type: 'number',
    unit: 'share, 0 to 1',
    about:
      'final accuracy by which the run is told: of choices by likelihood, of greedy generation where no question has choices',
  },
];

/** The last columns of `runs`, by their paths in run.json. */
export const factColumns: readonly Column[] = [
  { name: 'steps', type: 'integer', unit: 'optimiser steps', about: 'length of the training' },
  { name: 'data.identity', type: 'text', about: 'sha256 over the questions and their pictures or sounds' },
  { name: 'code.version', type: 'text', about: 'version of Equipoise' },
  { name: 'code.method', type: 'text', about: 'version of the method; part of the identity' },
  { name: 'code.commit', type: 'text', about: 'commit of the sources' },
  { name: 'code.dirty', type: 'boolean', about: 'whether the sources had changes' },
  { name: 'machine.backend', type: 'text', about: 'library that computed' },
  { name: 'machine.device', type: 'text', about: 'processor or GPU' },
  { name: 'machine.threads', type: 'integer', about: 'threads of the run' },
  { name: 'times.started', type: 'text', about: 'when it began, ISO 8601' },
  { name: 'times.finished', type: 'text', about: 'when it ended, ISO 8601' },
  { name: 'times.trainSeconds', type: 'number', unit: 'seconds', about: 'wall-clock time of the training' },
  { name: 'times.evaluateSeconds', type: 'number', unit: 'seconds', about: 'wall-clock time of the evaluations' },
  { name: 'times.secondsPerStep', type: 'number', unit: 'seconds', about: 'wall-clock time of a step' },
];

export const metricColumns: readonly Column[] = [
  { name: 'run', type: 'text', about: 'id of the run' },
  {
    name: 'step',
    type: 'integer',
    unit: 'optimiser steps',
    about: 'step after which it was measured; 1 is the first update',
  },
  { name: 'name', type: 'text', about: 'what was measured: see the names below' },
  { name: 'value', type: 'number', about: 'in the unit of its name; what is true or false is 1 or 0' },
];

export const predictionColumns: readonly Column[] = [
  { name: 'run', type: 'text', about: 'id of the run' },
  {
    name: 'task',
    type: 'text',
    about: 'task of the question: the own one of the run, or one of its evaluate.transfer',
  },
  { name: 'id', type: 'text', about: 'id of the question, unique in its task' },
  { name: 'kind', type: 'text', about: 'kind of question, e.g. count' },
  { name: 'slice', type: 'text', about: 'slice of the evaluation, e.g. cross-style' },
  { name: 'question', type: 'text', about: 'as the backbone sees it; empty where the set is not on this machine' },
  {
    name: 'media',
    type: 'text',
    about: 'path of its picture or sound below the cache folder; empty where the set is not on this machine',
  },
  { name: 'answer', type: 'text', about: 'the reference answer' },
  { name: 'references', type: 'texts', about: 'every reference' },
  { name: 'choices', type: 'texts', about: 'the answers to choose from; none for free answers' },
  { name: 'likelihoods', type: 'numbers', unit: 'nats', about: 'log-probability of each choice, in their order' },
  { name: 'chosen', type: 'text', about: 'the likeliest choice; empty without choices' },
  { name: 'generated', type: 'text', about: 'greedy generation; empty where none was asked for' },
  {
    name: 'correct',
    type: 'boolean',
    about: 'the likeliest choice (without choices: the generated text) is the reference answer, letter by letter',
  },
  {
    name: 'loss',
    type: 'number',
    unit: 'nats',
    about: 'cross-entropy of the reference answer, summed over its tokens',
  },
  { name: 'labels', type: 'integer', unit: 'tokens', about: 'tokens of the reference answer' },
];

/** Names of values. `{module}` is encoder or backbone, `{part}` tower or connector, `{split}` validation or evaluation. */
export const metricNames: readonly { names: readonly string[]; unit: string; about: string }[] = [
  { names: ['train/loss'], unit: 'nats per label token', about: 'cross-entropy of the batch before the update' },
  { names: ['train/learningRate/{module}', 'measure/learningRate/{module}'], unit: '1', about: 'rate of the step' },
  {
    names: ['train/gradientNorm/{module}', 'train/parts/{part}/gradientNorm'],
    unit: 'Euclidean norm',
    about: 'before clipping',
  },
  {
    names: ['train/regulariserShare/{module}'],
    unit: '1',
    about: 'norm of the regulariser’s gradient over that of the gradient that it joins',
  },
  {
    names: ['train/distance/{module}'],
    unit: 'Euclidean norm',
    about: 'estimate by which optimiser prodigy multiplies the rate, after the step',
  },
  {
    names: ['measure/kappa', 'measure/kappaAverage'],
    unit: '1',
    about:
      'balance coefficient, and its geometric mean over the window; not defined in a step whose rate is 0 for a module',
  },
  {
    names: ['measure/logKappa', 'measure/bias', 'measure/oscillation'],
    unit: 'natural logarithm',
    about: 'of kappa; |mean| and standard deviation over the window',
  },
  { names: ['measure/signChangeRate'], unit: 'share, 0 to 1', about: 'sign changes of log kappa over the window' },
  {
    names: ['measure/dBackbone', 'measure/dEncoder'],
    unit: 'nats per label token',
    about: 'divergence after only this module’s half of the step',
  },
  {
    names: ['measure/probe/logKappa', 'measure/withoutEnd/logKappa'],
    unit: 'natural logarithm',
    about:
      'the same step on a fixed probe, and without the labels that end answers, with dBackbone, dEncoder, kappa, floor',
  },
  {
    names: ['measure/withoutEnd/loss'],
    unit: 'nats per label token',
    about: 'of the batch without the labels that end answers',
  },
  { names: ['measure/floor'], unit: '0 or 1', about: 'a divergence was under the floor of 1e-8 and set to it' },
  {
    names: [
      'measure/gradientNorm/{module}',
      'measure/parameterNorm/{module}',
      'measure/parts/{part}/gradientNorm',
      'measure/parts/{part}/parameterNorm',
    ],
    unit: 'Euclidean norm',
    about: 'of gradient and parameters',
  },
  {
    names: [
      'measure/relativeGradient/{module}',
      'measure/updateRatio/{module}',
      'measure/parts/{part}/relativeGradient',
      'measure/parts/{part}/updateRatio',
    ],
    unit: '1',
    about: 'norm of gradient or update over that of the parameters',
  },
  {
    names: ['measure/normalisedGradient/{module}', 'measure/diminishingIndex/{module}'],
    unit: '1',
    about: 'gradient norm over its largest so far; relative gradient over its first',
  },
  {
    names: ['measure/progress/{module}', 'measure/bound/{module}', 'measure/scale/{module}'],
    unit: 'nats',
    about: '<g, Δθ>, its bound, and the bound’s scale (method.md section 3)',
  },
  { names: ['measure/tightness/{module}'], unit: '1', about: '|progress| over bound' },
  {
    names: ['measure/factor/{module}', 'measure/convergenceFactor'],
    unit: '1',
    about: 'the scheduler’s factor on the base rate; the smaller of both',
  },
  { names: ['measure/regulariser'], unit: 'nats', about: 'value of the regulariser, its weight included' },
  { names: ['{split}/loss'], unit: 'nats per label token', about: 'cross-entropy of the reference answers' },
  {
    names: [
      '{split}/choice/accuracy',
      '{split}/choiceByKind/<kind>/accuracy',
      '{split}/choiceBySlice/<slice>/accuracy',
    ],
    unit: 'share, 0 to 1',
    about: 'the likeliest choice is the reference; also `/correct` and `/total`, in questions',
  },
  {
    names: ['{split}/generation/accuracy', '{split}/generationByKind/<kind>/accuracy'],
    unit: 'share, 0 to 1',
    about: 'exact match of greedy generation; also `/correct` and `/total`, in questions',
  },
  {
    names: ['{split}/texts/<metric>/value'],
    unit: 'share, 0 to 1; ciderD 0 to 10',
    about: 'metrics of the generated texts; also `/total`, in questions',
  },
  {
    names: ['transfer/<task>/…'],
    unit: 'as of evaluation',
    about: 'evaluation on another task, without having trained on it',
  },
];
