/**
 * The value of every option that a manifest leaves out. Identities leave out the value that an option had first, and so
 * do stored runs: a NEW option is safe, and who CHANGES a default gives its first value to `firstDefaults` (or finished
 * runs claim to be others) and states it in the committed manifests whose runs are kept (test/manifest/identity.test.ts
 * holds both, test/fixtures/defaults.json pins today's). Values: the prototype's findings on learnable settings, see docs/method.md.
 */
import { measureKinds } from '../balance/measureKinds';
import { regularisers } from '../balance/regularisers';
import { baseline, schedulerFacts, schedulers } from '../balance/schedulers';
import { connectorNames, connectors, defaultConnector } from '../models/zoo/connectors';
import { backboneTunings, checkpointTuning, connectorTunings, towerTunings } from '../models/tuningKinds';
import type { Modality } from '../modules';
import { completeSpec, defaultsOfKind } from '../parts/define';
import { optimisers } from '../tensor/optimiserKinds';
import type { Choice, Field } from './fields';
import { runFields } from './fields';
import type { AlignSpec, MeasureSpec, RunSpec } from './run';
import { currentRun } from './spellings';
import { taskModality } from './taskManifest';
import { isObject } from '../json';
import { type Tree, setOwn, valueAt } from './tree';

/** A run before defaults are filled in: any part of a RunSpec. */
export type PartialRun = Tree;

/**
 * Fields without a default: every run must get them from its manifest; a checkpoint stands for encoder and backbone.
 */
export const requiredFields = ['task', 'encoder', 'backbone', 'seed'] as const;

/** Captions of single pictures need little; without the longer audio alignment only counting is learned. */
const alignDefaults: Record<Modality, AlignSpec> = {
  image: { steps: 120, learningRate: 1e-3, batch: 16 },
  audio: { steps: 300, learningRate: 2e-3, batch: 64 },
};

/**
 * The defaults of an image run. Other kinds of connector, scheduler and so on bring their own, and audio its own
 * alignment: `fillDefaults`.
 */
export const runDefaults: Omit<RunSpec, (typeof requiredFields)[number]> = {
  instructions: 'one',
  tiles: 1,
  connector: completeSpec(connectors, { kind: defaultConnector }),
  connectorSide: 'encoder',
  vocabulary: 'whole',
  tuning: {
    tower: completeSpec(towerTunings, { kind: 'frozen' }),
    connector: completeSpec(connectorTunings, { kind: 'full' }),
    backbone: completeSpec(backboneTunings, { kind: 'lora' }),
  },
  checkpointing: 'none',
  learningRate: { encoder: 3e-4, backbone: 3e-4 },
  scheduler: completeSpec(schedulers, { kind: baseline }),
  regulariser: completeSpec(regularisers, { kind: 'none' }),
  optimiser: completeSpec(optimisers, { kind: 'adamw' }),
  precision: 'float32',
  align: alignDefaults.image,
  duration: { steps: 200 },
  batch: 8,
  accumulate: 1,
  warmup: 10,
  measure: defaultsOfKind(measureKinds, 'batch', 'on') as MeasureSpec,
  evaluate: { every: 50, limit: 0, validation: 64 },
  kernels: 'plain',
  device: 'any',
};

/**
 * Default options of every kind of each tagged union, by the union's path. For the reference tables and the test that
 * pins them.
 */
export function kindDefaults(): Record<string, Record<string, Tree>> {
  const unions = choicesIn({ type: 'group', about: '', fields: runFields }, []);
  return Object.fromEntries(
    unions.map(({ path, field }) => [
      path.join('.'),
      Object.fromEntries(Object.keys(field.kinds).map((name) => [name, defaultsOfKind(field.kinds, name, field.tag)])),
    ]),
  );
}

/** Defaults that depend on the task's modality. Exported for the reference tables and the test that pins them. */
export const modalityDefaults = { align: alignDefaults };

/** Whose defaults: those of a manifest, or those that identities and stored runs leave out. */
type When = 'today' | 'first';

/**
 * The complete defaults of one run. Its tagged unions carry the default kind but the fields of the kind that the run
 * chose, so that leaving a kind out and choosing another differ.
 */
function defaultsOf(run: PartialRun, when: When): Tree {
  const key = when + choicesOf(run);
  const known = knownDefaults.get(key);
  if (known !== undefined) return known;
  const today = makeDefaults(run);
  const made = when === 'today' ? today : firstDefaults(today, run);
  knownDefaults.set(key, made);
  return made;
}

/**
 * The defaults with the value that each option had when it came to be, where that is another: the first runs chose among
 * the words of their task, which a checkpoint never did, and clipped each module by itself.
 */
const firstDefaults = (today: Tree, run: PartialRun): Tree => ({
  ...today,
  ...(run['checkpoint'] === undefined ? { vocabulary: 'task' } : {}),
  optimiser: { ...(today['optimiser'] as Tree), clipOver: 'module' },
});

/**
 * The defaults depend on a few kinds only, and a manifest has thousands of runs: each set of kinds is worked out once.
 */
const knownDefaults = new Map<string, Tree>();

const choicePaths: readonly (readonly string[])[] = choicesIn({ type: 'group', about: '', fields: runFields }, []).map(
  ({ path, field }) => [...path, field.tag],
);

/** All tagged unions with their paths. */
function choicesIn(field: Field, path: readonly string[]): { path: readonly string[]; field: Choice }[] {
  if (field.type === 'leaf') return [];
  if (field.type === 'choice') return [{ path, field }];
  return Object.entries(field.fields).flatMap(([name, inner]) => choicesIn(inner, [...path, name]));
}

/** Everything of a run that `makeDefaults` looks at, as text; of its task the modality, which another file may change. */
function choicesOf(run: PartialRun): string {
  let key = canonicalText(taskModality(run['task']), run['checkpoint']);
  for (const path of choicePaths) {
    let at: unknown = run;
    for (const name of path) at = isObject(at) ? at[name] : undefined;
    key += canonicalText(at);
  }
  return key;
}

/** Values as text, whatever a foreign file gives: an object may be one that cannot be made a string. */
const canonicalText = (...values: unknown[]): string => JSON.stringify(values);

function makeDefaults(run: PartialRun): Tree {
  const base: Tree = { ...runDefaults };
  const modality = taskModality(run['task']);
  if (modality !== undefined) base['align'] = alignDefaults[modality];
  const checkpoint = run['checkpoint'];
  if (typeof checkpoint === 'string') Object.assign(base, ofCheckpoint(checkpoint, base['align'] as AlignSpec));
  const scheduler = run['scheduler'];
  const kind = isObject(scheduler) ? scheduler['kind'] : undefined;
  const brought = typeof kind === 'string' ? schedulerFacts(kind).brings?.regulariser : undefined;
  if (brought !== undefined) base['regulariser'] = defaultsOfKind(regularisers, brought);
  return matchKinds({ type: 'group', about: '', fields: runFields }, base, run);
}

/** A published checkpoint brings its parts along, and its connector is aligned already. */
const ofCheckpoint = (name: string, align: AlignSpec): Tree => ({
  encoder: name,
  backbone: name,
  connector: defaultsOfKind(connectors, connectorNames((facts) => facts.ofCheckpoint === true)[0]!),
  tuning: { ...runDefaults.tuning, backbone: defaultsOfKind(backboneTunings, checkpointTuning) },
  align: { ...align, steps: 0 },
});

function matchKinds(field: Field, defaults: unknown, chosen: unknown): Tree {
  const result = { ...(defaults as Tree) };
  if (field.type === 'choice') return choiceDefaults(field, result, chosen);
  if (field.type === 'leaf') return result;
  for (const [name, inner] of Object.entries(field.fields)) {
    if (inner.type === 'leaf') continue;
    result[name] = matchKinds(inner, result[name], isObject(chosen) ? chosen[name] : undefined);
  }
  return result;
}

function choiceDefaults(field: Choice, defaults: Tree, chosen: unknown): Tree {
  const kind = isObject(chosen) ? chosen[field.tag] : undefined;
  if (kind === undefined || kind === defaults[field.tag]) return defaults;
  const own = typeof kind === 'string' ? defaultsOfKind(field.kinds, kind, field.tag) : {};
  return { ...own, [field.tag]: defaults[field.tag] };
}

/**
 * The run with every default filled in; parts are shared with the defaults and the given run, so change nothing in it.
 * The result is a RunSpec only when it passes the check of a resolved run.
 */
export const fillDefaults = (run: PartialRun): Tree => filled(run, 'today');

/**
 * A stored run, known to be sound since it passed its check before, with the first value of every option that came after
 * it or that it leaves out.
 */
export const filledRun = (run: PartialRun): RunSpec => filled(run, 'first') as unknown as RunSpec;

function filled(run: PartialRun, when: When): Tree {
  const current = currentRun(run);
  return merge(defaultsOf(current, when), current);
}

/**
 * The opposite: the run without any value that `fillDefaults` would give back, at every level; the device is left out
 * too.
 */
export const leaveOutDefaults = (spec: RunSpec): Tree => left(spec, 'today');

/** What a manifest says to get this run: what differs from the defaults, every choice with its kind. */
export function statedRun(spec: RunSpec): Tree {
  const stated = leaveOutDefaults(spec);
  for (const path of choicePaths) {
    const choice = valueAt(stated, path.slice(0, -1).join('.'));
    if (isObject(choice)) setOwn(choice, path.at(-1)!, valueAt(spec, path.join('.')));
  }
  return stated;
}

/** What an identity is made of: the run without any value that `filledRun` would give back, and without the device. */
export const leaveOutFirstDefaults = (spec: RunSpec): Tree => left(spec, 'first');

function left(spec: RunSpec, when: When): Tree {
  const { device: _device, ...run } = spec;
  return (subtract(run, defaultsOf(run, when)) ?? {}) as Tree;
}

function merge(defaults: Tree, given: Tree): Tree {
  const result: Tree = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const under = result[key];
    // A duration is one value: its keys exclude each other.
    setOwn(result, key, isObject(value) && isObject(under) && key !== 'duration' ? merge(under, value) : value);
  }
  return result;
}

function subtract(value: unknown, defaults: unknown): unknown {
  if (!isObject(value))
    return value === defaults || (typeof value === 'object' && JSON.stringify(value) === JSON.stringify(defaults))
      ? undefined
      : value;
  const rest: Tree = {};
  let some = false;
  for (const key of Object.keys(value)) {
    const left = subtract(value[key], isObject(defaults) ? defaults[key] : undefined);
    if (left === undefined) continue;
    setOwn(rest, key, left);
    some = true;
  }
  return some ? rest : undefined;
}
