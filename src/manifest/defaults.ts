/**
 * The value of every option that a manifest leaves out. Identities leave defaults out, so to CHANGE a value here changes
 * what finished runs claim to be: raise the method version with it (test/fixtures/defaults.json pins them). A NEW option is safe.
 * Values: the prototype's findings on learnable settings, see docs/method.md.
 */
import type { Choice, Field } from './fields';
import { runFields } from './fields';
import { lookUp, type Modality } from './names';
import type {
  AlignSpec,
  ConnectorSpec,
  MeasureSpec,
  OptimiserSpec,
  PublishedTuning,
  RegulariserSpec,
  RunSpec,
  SchedulerSpec,
  TuningSpec,
} from './run';
import { taskModality } from './taskManifest';
import { type Tree, isTree, setOwn } from './tree';

/** A run before defaults are filled in: any part of a RunSpec. */
export type PartialRun = Tree;

/** Fields without a default: every run must get them from its manifest; a checkpoint stands for encoder and backbone. */
export const requiredFields = ['task', 'encoder', 'backbone', 'seed'] as const;

const coordinated = { rule: 'symmetric', interval: 5, window: 5, exponent: 0.2, clip: 3 } as const;
const coordinateDescent = { warm: 0.5, period: 10 } as const;

const connectorDefaults: { [K in ConnectorSpec['kind']]: Extract<ConnectorSpec, { kind: K }> } = {
  mlp: { kind: 'mlp' },
  qformer: { kind: 'qformer' },
  'pixel-shuffle': { kind: 'pixel-shuffle', factor: 2, width: 512 },
  'blip2-qformer': { kind: 'blip2-qformer', tokens: 4, layers: 2, start: 'minilm' },
  'window-qformer': { kind: 'window-qformer', window: 5, queries: 1, layers: 2, start: 'minilm' },
  published: { kind: 'published' },
};
const schedulerDefaults: { [K in SchedulerSpec['kind']]: SchedulerSpec } = {
  constant: { kind: 'constant' },
  'feature-cd': { kind: 'feature-cd', ...coordinateDescent },
  'language-cd': { kind: 'language-cd', ...coordinateDescent },
  'commit-clr': { kind: 'commit-clr', ...coordinated },
  commit: { kind: 'commit', ...coordinated },
  'ogm-ge': { kind: 'ogm-ge', strength: 0.1 },
  'warmup-cosine': { kind: 'warmup-cosine', final: 0 },
  gradnorm: { kind: 'gradnorm', exponent: 1.5, rate: 0.025 },
};
const regulariserDefaults: { [K in RegulariserSpec['kind']]: RegulariserSpec } = {
  none: { kind: 'none' },
  commit: { kind: 'commit', lambda: 0.1, cap: 1 },
};
const tuningDefaults: { [K in (TuningSpec | PublishedTuning)['kind']]: TuningSpec | PublishedTuning } = {
  lora: { kind: 'lora', rank: 8, alpha: 16, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] },
  full: { kind: 'full' },
  frozen: { kind: 'frozen' },
  published: { kind: 'published' },
};
const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clip: 1 } as const;
const optimiserDefaults: { [K in OptimiserSpec['kind']]: OptimiserSpec } = {
  adamw: { kind: 'adamw', ...adam },
  adam: { kind: 'adam', ...adam },
  sgd: { kind: 'sgd', momentum: 0, weightDecay: 0, clip: 1 },
};
const measureDefaults: { [K in MeasureSpec['on']]: MeasureSpec } = {
  batch: { every: 5, on: 'batch', variant: 'a' },
  probe: { every: 5, on: 'probe', variant: 'a', probe: 24 },
};
/** Captions of single pictures need little; without the longer audio alignment only counting is learned. */
const alignDefaults: Record<Modality, AlignSpec> = {
  image: { steps: 120, learningRate: 1e-3, batch: 16 },
  audio: { steps: 300, learningRate: 2e-3, batch: 64 },
};

/** The defaults of an image run. Other kinds of connector, scheduler and so on bring their own, and audio its own alignment: `fillDefaults`. */
export const runDefaults: Omit<RunSpec, (typeof requiredFields)[number]> = {
  instructions: 'one',
  connector: connectorDefaults.mlp,
  connectorSide: 'encoder',
  tuning: { backbone: tuningDefaults.lora },
  learningRate: { encoder: 3e-4, backbone: 3e-4 },
  scheduler: schedulerDefaults.constant,
  regulariser: regulariserDefaults.none,
  optimiser: optimiserDefaults.adamw,
  align: alignDefaults.image,
  duration: { steps: 200 },
  batch: 8,
  warmup: 10,
  measure: measureDefaults.batch,
  evaluate: { every: 50, limit: 0, validation: 64 },
  device: 'any',
};

/** Default values by kind of each tagged union, by the union's path. Exported for the reference tables and the test that pins them. */
export const kindDefaults: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  connector: connectorDefaults,
  scheduler: schedulerDefaults,
  regulariser: regulariserDefaults,
  'tuning.backbone': tuningDefaults,
  optimiser: optimiserDefaults,
  measure: measureDefaults,
};

/** Defaults that depend on the task's modality. Exported for the reference tables and the test that pins them. */
export const modalityDefaults = { align: alignDefaults };

/**
 * The complete defaults of one run. Its tagged unions carry the default kind but the fields of the kind that the run
 * chose, so that leaving a kind out and choosing another differ.
 */
function defaultsOf(run: PartialRun): Tree {
  const key = choicesOf(run);
  const known = knownDefaults.get(key);
  if (known !== undefined) return known;
  const made = makeDefaults(run);
  knownDefaults.set(key, made);
  return made;
}

/** The defaults depend on a few kinds only, and a manifest has thousands of runs: each set of kinds is worked out once. */
const knownDefaults = new Map<string, Tree>();

const choicePaths: readonly (readonly string[])[] = choicesIn({ type: 'group', about: '', fields: runFields }, []);

/** Paths of the tags of all tagged unions. */
function choicesIn(field: Field, path: readonly string[]): string[][] {
  if (field.type === 'leaf') return [];
  if (field.type === 'choice') return [[...path, field.tag]];
  return Object.entries(field.fields).flatMap(([name, inner]) => choicesIn(inner, [...path, name]));
}

/** Everything of a run that `makeDefaults` looks at, as text. */
function choicesOf(run: PartialRun): string {
  let key = `${typeof run['task']} ${String(run['task'])}\n${typeof run['checkpoint']} ${String(run['checkpoint'])}`;
  for (const path of choicePaths) {
    let at: unknown = run;
    for (const name of path) at = isTree(at) ? at[name] : undefined;
    key += `\n${typeof at} ${String(at)}`;
  }
  return key;
}

function makeDefaults(run: PartialRun): Tree {
  const base: Tree = { ...runDefaults };
  const modality = taskModality(run['task']);
  if (modality !== undefined) base['align'] = alignDefaults[modality];
  const checkpoint = run['checkpoint'];
  if (typeof checkpoint === 'string') Object.assign(base, ofCheckpoint(checkpoint, base['align'] as AlignSpec));
  const scheduler = run['scheduler'];
  if (isTree(scheduler) && scheduler['kind'] === 'commit') base['regulariser'] = regulariserDefaults.commit;
  return matchKinds('', { type: 'group', about: '', fields: runFields }, base, run);
}

/** A published checkpoint brings its parts along, and its connector is aligned already. */
const ofCheckpoint = (name: string, align: AlignSpec): Tree => ({
  encoder: name,
  backbone: name,
  connector: connectorDefaults.published,
  tuning: { backbone: tuningDefaults.published },
  align: { ...align, steps: 0 },
});

function matchKinds(path: string, field: Field, defaults: unknown, chosen: unknown): Tree {
  const result = { ...(defaults as Tree) };
  if (field.type === 'choice') return choiceDefaults(path, field, result, chosen);
  if (field.type === 'leaf') return result;
  for (const [name, inner] of Object.entries(field.fields)) {
    if (inner.type === 'leaf') continue;
    result[name] = matchKinds(
      path === '' ? name : `${path}.${name}`,
      inner,
      result[name],
      isTree(chosen) ? chosen[name] : undefined,
    );
  }
  return result;
}

function choiceDefaults(path: string, field: Choice, defaults: Tree, chosen: unknown): Tree {
  const kind = isTree(chosen) ? chosen[field.tag] : undefined;
  if (kind === undefined || kind === defaults[field.tag]) return defaults;
  return { ...lookUp(kindDefaults[path] ?? {}, kind), [field.tag]: defaults[field.tag] };
}

/**
 * The run with every default filled in; parts are shared with the defaults and the given run, so change nothing in it.
 * The result is a RunSpec only when it passes the check of a resolved run.
 */
export function fillDefaults(run: PartialRun): Tree {
  return merge(defaultsOf(run), run);
}

/** The opposite: the run without any value that `fillDefaults` would give back, at every level; the device is left out too. */
export function leaveOutDefaults(spec: RunSpec): Tree {
  const { device: _device, ...run } = spec;
  return (subtract(run, defaultsOf(run)) ?? {}) as Tree;
}

function merge(defaults: Tree, given: Tree): Tree {
  const result: Tree = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const under = result[key];
    // A duration is one value: its keys exclude each other.
    setOwn(result, key, isTree(value) && isTree(under) && key !== 'duration' ? merge(under, value) : value);
  }
  return result;
}

function subtract(value: unknown, defaults: unknown): unknown {
  if (!isTree(value))
    return value === defaults || (typeof value === 'object' && JSON.stringify(value) === JSON.stringify(defaults))
      ? undefined
      : value;
  const rest: Tree = {};
  let some = false;
  for (const key of Object.keys(value)) {
    const left = subtract(value[key], isTree(defaults) ? defaults[key] : undefined);
    if (left === undefined) continue;
    setOwn(rest, key, left);
    some = true;
  }
  return some ? rest : undefined;
}
