/**
 * Whether what a file defines is a part: its form, and one trial call, so that a fault shows before anything is
 * trained.
 */
import { Ajv2020 } from 'ajv/dist/2020';
import type { RegulariserPart, Term } from '../balance/regulariser';
import type { SchedulerPart } from '../balance/schedulers';
import type { EncoderTower } from '../models/zoo/encoders';
import type { ConnectorPart } from '../models/zoo/connectors';
import { isObject } from '../json';
import { defaultsOfKind } from '../parts/define';
import type { ValuesOf, Options } from '../parts/options';
import { UserError } from '../problems';
import { shapeTensor, withoutValues } from '../tensor/shapeBackend';
import { tf } from '../tensor/tf';

/** A fault in a sentence; null when there is none. */
type Fault = string | null;

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

/** Faults of what scheduler, regulariser and connector have in common: about, options, facts and make. */
export function formFault(part: unknown): Fault {
  if (!isObject(part)) return 'is no object';
  if (!isText(part['about'])) return 'has no text `about`';
  if (!isObject(part['options'])) return 'has no object `options`';
  if (!isObject(part['facts'])) return 'has no object `facts`';
  if (typeof part['make'] !== 'function') return 'has no function `make`';
  for (const [name, option] of Object.entries(part['options'])) {
    const fault = optionFault(option);
    if (fault !== null) return `its option ${name} ${fault}`;
  }
  return null;
}

function optionFault(option: unknown): Fault {
  const form = 'is not one of number(), whole(), above0(), below1(), oneOf(), names() or byRule()';
  if (!isObject(option) || option['type'] !== 'leaf' || !isText(option['about']) || !isObject(option['schema']))
    return form;
  if (!('default' in option)) return isText(option['rule']) ? null : 'has neither a default nor a rule';
  try {
    const fits = new Ajv2020({ strict: true }).compile(option['schema'])(option['default']);
    return fits ? null : `has the default ${JSON.stringify(option['default'])}, which is outside its own limits`;
  } catch {
    return form;
  }
}

const defaults = (part: { about: string; options: Options }): ValuesOf<Options> =>
  defaultsOfKind({ it: part }, 'it') as ValuesOf<Options>;

/** Runs a scheduler for three steps with its defaults. */
export function schedulerFault(part: SchedulerPart): Fault {
  if (typeof part.facts.ignoresKappa !== 'boolean') return 'does not say `facts.ignoresKappa`';
  const scheduler: unknown = part.make(defaults(part));
  if (!isObject(scheduler) || typeof scheduler['next'] !== 'function' || !('initial' in scheduler))
    return '`make` does not give { initial, next }';
  const { next } = scheduler as { next: (state: unknown, observed: unknown) => unknown };
  let state = scheduler['initial'];
  for (let step = 1; step <= 3; step++) {
    if (!isPlain(state)) return 'its state is not JSON, and could not be kept in a checkpoint';
    const observed = {
      step,
      steps: 3,
      warmup: 0,
      logKappas: step === 1 ? [] : [0.5],
      rate: { encoder: 3e-4, backbone: 3e-4 },
      followed: null,
      gradientNorm: step === 1 ? null : { encoder: 1, backbone: 2 },
      parameterNorm: step === 1 ? null : { encoder: 10, backbone: 20 },
    };
    const given = next.call(scheduler, state, observed);
    if (!isObject(given) || !isDecision(given['decision'])) return `\`next\` gives no decision at step ${step}`;
    state = given['state'];
  }
  return null;
}

const isPlain = (value: unknown): boolean => {
  const text = JSON.stringify(value);
  return text !== undefined && JSON.stringify(JSON.parse(text)) === text && !/null/.test(hidden(value));
};

/** NaN and infinities become null in JSON: here they are told from a null that is meant. */
const hidden = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'number' && !Number.isFinite(inner) ? 'null' : inner === null ? 0 : inner,
  ) ?? '';

function isDecision(decision: unknown): boolean {
  if (!isObject(decision) || !isObject(decision['factor']) || !isObject(decision['active'])) return false;
  const { factor, active } = decision as { factor: Record<string, unknown>; active: Record<string, unknown> };
  return ['encoder', 'backbone'].every(
    (module) =>
      Number.isFinite(factor[module]) && (factor[module] as number) >= 0 && typeof active[module] === 'boolean',
  );
}

/** Where a regulariser's gradient may join that of the cross-entropy (src/balance/regulariser.ts). */
const places = ['loss', 'gradient', 'update'];

/** Puts a regulariser together with its defaults, and runs its term and the gradient of it in shapes. */
export function regulariserFault(part: RegulariserPart): Fault {
  const { joins, cap, share } = part.facts;
  if (!places.includes(joins)) return `does not say \`facts.joins\`: ${places.join(', ')}`;
  const options = defaults(part);
  if (joins === 'update' && share === undefined) return 'joins the update and does not say `facts.share`';
  if ([cap, share].some((fact) => fact !== undefined && !(fact(options) > 0)))
    return 'its `facts.cap` or `facts.share` gives no number above 0';
  const term: unknown = part.make(options);
  if (typeof term !== 'function') return '`make` gives no function';
  const value = (encoder: tf.Tensor, backbone: tf.Tensor) =>
    (term as Term)({ encoder, backbone }, { encoder: shapeTensor([]), backbone: shapeTensor([]) });
  return withoutValues((): Fault => {
    const divergences = [shapeTensor([]), shapeTensor([])] as const;
    const given: unknown = value(...divergences);
    if (!(given instanceof tf.Tensor) || given.rank !== 0) return 'its term gives no scalar';
    try {
      tf.grads((encoder, backbone) => value(encoder!, backbone!))([...divergences]);
      return null;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `its term has no gradient for both divergences: ${why.split('\n')[0]!.slice(0, 160)}`;
    }
  }).result;
}

/** Rows of the towers that come with Equipoise. */
const usualRows = [4, 16, 50];

/** Puts a connector together with its defaults and runs it in shapes; its options need not fit each number of rows. */
export function connectorFault(part: ConnectorPart): Fault {
  const options = defaults(part);
  const faults = usualRows.map((rows): Fault => {
    try {
      const connector: unknown = part.make(options)({ rows, features: 24, width: 32, embeddingScale: 1 });
      if (!isObject(connector) || !Array.isArray(connector['parameters']) || typeof connector['apply'] !== 'function')
        return '`make` does not give { tokens, parameters, apply } for a shape';
      const { tokens, parameters, apply } = connector as unknown as ReturnType<ReturnType<ConnectorPart['make']>>;
      if (!Number.isInteger(tokens) || tokens < 1) return 'its `tokens` is no whole number above 0';
      if (parameters.some(({ name, shape, initial }) => !isText(name) || !Array.isArray(shape) || !isObject(initial)))
        return 'a parameter lacks name, shape or initial';
      const shape = outputOf(parameters, (tensors) => apply({ tensors }, shapeTensor([2, rows, 24])));
      return shape === `2,${tokens},32` ? null : `\`apply\` gives [${shape}] instead of [2,${tokens},32]`;
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
  });
  return faults.includes(null) ? null : faults[0]!;
}

/** Runs a tower in shapes, for each number of rows that it offers. */
export function towerFault(tower: EncoderTower): Fault {
  const missing = ['name', 'about', 'modality', 'rowChoices', 'width', 'input', 'part', 'open'].filter(
    (field) => !(field in Object(tower)),
  );
  if (missing.length > 0) return `lacks ${missing.join(', ')}; is it made with defineTower?`;
  if (!['image', 'audio'].includes(tower.modality)) return 'its modality is neither image nor audio';
  if (!tower.rowChoices.includes(tower.rows)) return 'its rows are none of its rowChoices';
  for (const rows of tower.rowChoices) {
    const shape = outputOf(tower.part.parameters, (tensors) =>
      tower.part.apply({ tensors }, shapeTensor([2, ...tower.input.shape]), rows),
    );
    if (shape !== `2,${rows},${tower.width}`)
      return `\`part.apply\` gives [${shape}] instead of [2,${rows},${tower.width}]`;
  }
  return null;
}

/** The shape of what `compute` gives, with tensors of the parameters' shapes and no values. */
const outputOf = (
  parameters: readonly { name: string; shape: readonly number[] }[],
  compute: (tensors: Record<string, ReturnType<typeof shapeTensor>>) => { shape: number[] },
): string =>
  withoutValues(() =>
    compute(Object.fromEntries(parameters.map(({ name, shape }) => [name, shapeTensor(shape)]))).shape.join(),
  ).result;
