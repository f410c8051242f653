/** What makes a run the same run, how two runs differ, how long one is, and what to call it. */
import { canonicalJson, sha256 } from '../files';
import { userError } from '../problems';
import { leaveOutDefaults, leaveOutFirstDefaults } from './defaults';
import { fieldOrder } from './assign';
import type { RunSpec } from './run';
import { asFirstSpelled } from './spellings';
import { leaves } from './tree';

/** Digits of a run's id. */
const idLength = 16;

/** A run's id, as a part of a pattern. */
export const runIdForm = `[0-9a-f]{${idLength}}`;

const wholeRunId = new RegExp(`^${runIdForm}$`);

/** Whether a name from outside can be a run's id. */
export const isRunId = (name: string): boolean => wholeRunId.test(name);

/** What a run's result depends on besides its spec. */
export interface IdentityContext {
  /** identity of the data set */
  data: string;
  /** sha256 of each set of weights, by name */
  weights: Record<string, string>;
  /** semantic version of the method code */
  methodVersion: string;
  /** class of arithmetic, e.g. `tensorflow` or `wasm` */
  backend: string;
  /** sha256 of each part from outside this repository, by kind and name; absent where a run uses none */
  parts?: Record<string, string> | undefined;
  /** what is said of the code of this repository's parts, by file (src/parts/code.ts); absent where it is nothing */
  code?: Readonly<Record<string, string>> | undefined;
}

/**
 * The identity of a run: sha256, hexadecimal, over canonical JSON of the spec without its first defaults and the
 * context; `id` is its first 16 digits. A new option with a default changes no identity, and neither does a new default
 * (defaults.ts) or a new name (spellings.ts); the device that is asked for is not part of one.
 */
export function runIdentity(spec: RunSpec, context: IdentityContext): { identity: string; id: string } {
  const { data, weights, methodVersion, backend, parts, code } = context;
  const identity = sha256(
    canonicalJson({
      format: 'equipoise-identity/1',
      run: asFirstSpelled(leaveOutFirstDefaults(spec)),
      data,
      weights,
      methodVersion,
      backend,
      ...(parts === undefined ? {} : { parts }),
      ...(code === undefined ? {} : { code }),
    }),
  );
  return { identity, id: identity.slice(0, idLength) };
}

/**
 * Every field in which two runs differ, by dotted path in the order of RunSpec; `undefined` where a run has no such
 * field.
 */
export function difference(a: RunSpec, b: RunSpec): { field: string; a: unknown; b: unknown }[] {
  const [left, right] = [new Map(leaves(a)), new Map(leaves(b))];
  const fields = [...new Set([...left.keys(), ...right.keys()])].sort(
    (x, y) => fieldOrder(x) - fieldOrder(y) || (x < y ? -1 : 1),
  );
  return fields
    .map((field) => ({ field, a: left.get(field), b: right.get(field) }))
    .filter((each) => canonicalJson([each.a]) !== canonicalJson([each.b]));
}

/**
 * Optimiser steps of a run; a part of a batch counts as a step.
 * @param trainingExamples size of the training split; used by durations in epochs only
 * @throws UserError when the length in epochs of an empty split is asked for
 */
export function stepsOf(spec: Pick<RunSpec, 'duration' | 'batch'>, trainingExamples: number): number {
  const { duration, batch } = spec;
  if ('steps' in duration) return duration.steps;
  if ('examples' in duration) return Math.ceil(duration.examples / batch);
  if (!(trainingExamples > 0))
    throw userError({
      where: 'epochs',
      what: 'the training split is empty',
      expected: 'training examples to pass over',
    });
  // Rounded first, so that 0.1 epochs of 30 examples are 3 and not 3.0000000000000004.
  return Math.max(1, Math.ceil(Number(((duration.epochs * trainingExamples) / batch).toFixed(9))));
}

/** The parts of a run's model in a few words: `resnet50+mlp+stories15m`, or the name of its checkpoint. */
export const compositionOf = ({
  checkpoint,
  encoder,
  connector,
  backbone,
}: Pick<RunSpec, 'checkpoint' | 'encoder' | 'connector' | 'backbone'>): string =>
  checkpoint ?? `${encoder}+${connector.kind}+${backbone}`;

/** Fields that the short description already says, or that are no part of a comparison. */
const told = ['task', 'checkpoint', 'encoder', 'backbone', 'connector.kind', 'scheduler.kind', 'seed'];
const untold = ['align', 'evaluate', 'measure.every', 'warmup', 'learningRate', 'duration'];
const longest = 5;

/**
 * A run in a few words: `emoji-icon-qa resnet50+mlp+stories15m constant seed 1`, followed by the rates when they are
 * not the default ones, the length when it is not, and other options that are not.
 */
export function describeRun(spec: RunSpec): string {
  const special = leaveOutDefaults(spec);
  const rest = leaves(special).filter(
    ([path]) => ![...told, ...untold].some((name) => path === name || path.startsWith(`${name}.`)),
  );
  const shown = rest
    .slice(0, longest)
    .map(([path, value]) => `${path}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [
    `${spec.task} ${compositionOf(spec)} ${spec.scheduler.kind} seed ${spec.seed}`,
    ...(special['learningRate'] === undefined ? [] : [ratesOf(spec)]),
    ...(special['duration'] === undefined
      ? []
      : Object.entries(spec.duration).map(([unit, length]) => `${length} ${unit}`)),
    ...shown,
    ...(rest.length > longest ? [`and ${rest.length - longest} more`] : []),
  ].join(' ');
}

/** `rates 0.0003/0.003`, and `tower 0.0001` behind it where a part has one of its own. */
const ratesOf = ({ learningRate }: RunSpec): string =>
  [
    `rates ${learningRate.encoder}/${learningRate.backbone}`,
    ...(['tower', 'connector'] as const).flatMap((part) =>
      learningRate[part] === undefined ? [] : [`${part} ${learningRate[part]}`],
    ),
  ].join(', ');
