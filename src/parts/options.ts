/**
 * Options of parts, as data: what each means, which values it may have, and its value when a manifest leaves it out.
 * Types of specs, schema, tables of the docs and defaults are derived from them.
 */

import { longestFormula, symbolPattern } from './formula';

/** JSON Schema of a value that is not divided further, with its description. */
export interface Leaf {
  type: 'leaf';
  about: string;
  schema: Record<string, unknown>;
  /** a run may lack it */
  optional?: boolean;
  /** another name of a field, of before, with today's: a manifest may use it, a resolved run does not have it */
  older?: string;
  /** pattern of the names that a user may add to those of the schema: own tasks, own parts */
  own?: string;
}

/** An option with a default: every resolved run has a value. */
export interface Option<T = unknown> extends Leaf {
  default: T;
  /** the default is left out of the names of methods in figures and tables, where other values are named */
  unsaid?: boolean;
}

/** An option whose value follows from something else of the run where a manifest leaves it out: it has no default. */
export interface RuledOption<T = unknown> extends Leaf {
  optional: true;
  /** in words, what the value then is */
  rule: string;
  /** only for the compiler: the type of a value */
  value?: T;
}

export type Options = Readonly<Record<string, Option | RuledOption>>;

/** The options of a resolved part: those with a default have a value. */
export type ValuesOf<O extends Options> = {
  -readonly [K in keyof O as O[K] extends Option ? K : never]: O[K] extends Option<infer T> ? T : never;
} & { -readonly [K in keyof O as O[K] extends Option ? never : K]?: O[K] extends RuledOption<infer T> ? T : never };

/** A field with a schema of its own. */
export const leaf = (about: string, schema: Record<string, unknown>): Leaf => ({ type: 'leaf', about, schema });

/** With a default an option, else a field. */
const made = <T>(about: string, schema: Record<string, unknown>, standard: T | undefined): Option<T> =>
  ({ ...leaf(about, schema), ...(standard === undefined ? {} : { default: standard }) }) as Option<T>;

/** A whole number of a range, both ends included. */
export function whole(about: string, minimum: number, maximum: number): Leaf;
export function whole(about: string, minimum: number, maximum: number, standard: number): Option<number>;
export function whole(about: string, minimum: number, maximum: number, standard?: number): Leaf {
  return made(about, { type: 'integer', minimum, maximum }, standard);
}

/** A number of a range, both ends included. */
export function number(about: string, minimum: number, maximum: number): Leaf;
export function number(about: string, minimum: number, maximum: number, standard: number): Option<number>;
export function number(about: string, minimum: number, maximum: number, standard?: number): Leaf {
  return made(about, { type: 'number', minimum, maximum }, standard);
}

/** A number above 0, up to a maximum. */
export function above0(about: string, maximum: number): Leaf;
export function above0(about: string, maximum: number, standard: number): Option<number>;
export function above0(about: string, maximum: number, standard?: number): Leaf {
  return made(about, { type: 'number', exclusiveMinimum: 0, maximum }, standard);
}

/** A number from 0 to below 1, such as the decay of a moving average. */
export function below1(about: string, standard: number): Option<number> {
  return made(about, { type: 'number', minimum: 0, exclusiveMaximum: 1 }, standard);
}

/** One of a few words. */
export function oneOf(about: string, values: readonly string[]): Leaf;
export function oneOf<const V extends string>(about: string, values: readonly V[], standard: NoInfer<V>): Option<V>;
export function oneOf(about: string, values: readonly string[], standard?: string): Leaf {
  return made(about, { type: 'string', enum: values }, standard);
}

/** A list of names that match a pattern, each once. */
export function names(about: string, pattern: string, most: number, standard: readonly string[]): Option<string[]> {
  const items = { type: 'string', pattern };
  return made(about, { type: 'array', minItems: 1, maxItems: most, uniqueItems: true, items }, [...standard]);
}

/** A formula (formula.ts). */
export const formulaText = (about: string, standard: string): Option<string> =>
  made(about, { type: 'string', minLength: 1, maxLength: longestFormula }, standard);

const tableOf = <T>(about: string, value: Record<string, unknown>): Option<Record<string, T>> =>
  made<Record<string, T>>(
    about,
    { type: 'object', maxProperties: 16, propertyNames: { pattern: symbolPattern }, additionalProperties: value },
    {},
  );

/** Numbers by names that formulas may use. */
export const numberTable = (about: string): Option<Record<string, number>> => tableOf(about, { type: 'number' });

/** Numbers that change, by names that formulas may use: what each starts as, and the formula of its next value. */
export const stateTable = (about: string): Option<Record<string, { start: number; next: string }>> =>
  tableOf(about, {
    type: 'object',
    required: ['start', 'next'],
    additionalProperties: false,
    properties: {
      start: { type: 'number', description: 'value before the first step' },
      next: { type: 'string', minLength: 1, maxLength: longestFormula, description: 'formula of the next value' },
    },
  });

/** The option without a default; `rule` says in words what its value is where a manifest leaves it out. */
export const byRule = <T>({ default: _default, ...field }: Option<T>, rule: string): RuledOption<T> => ({
  ...field,
  optional: true,
  rule,
});

/** The option whose default goes without saying in figures and tables. */
export const unsaid = <T>(option: Option<T>): Option<T> => ({ ...option, unsaid: true });
