/**
 * How a part states itself in one place, and what is derived from a table of such statements. This room stands left of
 * all others but the helpers of every room: it knows neither manifests nor any part.
 */
import type { Option, Options, ValuesOf } from './options';

/** One kind of something that a manifest may choose: what it is, and its options. */
export interface Kind<O extends Options = Options> {
  /** in a few words, for the schema and the tables of the docs */
  about: string;
  options: O;
}

/** A kind with code: `facts` are what other rooms must know of it, `make` is what it does with its options. */
export interface Part<O extends Options, Facts, Made> extends Kind<O> {
  /**
   * `__filename` of where a part of this repository stands: its code belongs to the identity of the runs that use it
   * (code.ts)
   */
  file?: string;
  facts: Facts;
  make(options: ValuesOf<O>): Made;
}

/** All kinds of one choice by name; the order is that of the schema, of the docs and of figures. */
export type Kinds = Readonly<Record<string, Kind>>;

type Flat<T> = { [K in keyof T]: T[K] };

/** The resolved spec of any kind of a table, e.g. `{ kind: 'brake'; factor: number } | ...`. */
export type SpecOf<Table extends Kinds, Tag extends string = 'kind'> = {
  [K in keyof Table]: Flat<{ [T in Tag]: K } & ValuesOf<Table[K]['options']>>;
}[keyof Table];

/** The entry of a name from outside; never an inherited property such as `constructor`. */
export const lookUp = <T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined =>
  typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;

/** A kind that is nothing but its options. */
export const kind = <const O extends Options>(about: string, options: O): Kind<O> => ({ about, options });

/** The defaults of one kind as a spec: its tag, and every option that has a default. */
export function defaultsOfKind(table: Kinds, name: string, tag = 'kind'): Record<string, unknown> {
  const options = Object.hasOwn(table, name) ? Object.entries(table[name]!.options) : [];
  const values = options.flatMap(([key, option]) => ('default' in option ? [[key, option.default] as const] : []));
  return { [tag]: name, ...Object.fromEntries(values) };
}

/** A spec of which only some options are given. */
export type Given<Table extends Kinds> = {
  [K in keyof Table]: Flat<{ kind: K } & Partial<ValuesOf<Table[K]['options']>>>;
}[keyof Table];

/** The spec with the defaults of its kind for what is not given. */
export function completeSpec<Table extends Kinds, const G extends Given<Table>>(
  table: Table,
  given: G,
): Extract<SpecOf<Table>, { kind: G['kind'] }> {
  const spec: unknown = { ...defaultsOfKind(table, String(given.kind)), ...given };
  return spec as Extract<SpecOf<Table>, { kind: G['kind'] }>;
}

/** Tables that have been read: names of axes and schemas are made of them once. */
let read = false;

/** Called by whoever makes something lasting of the tables; nothing can be registered afterwards. */
export function tablesAreRead(): void {
  read = true;
}

/** What a part may be called, and an option of it; as patterns of the schema. */
export const partName = '^[a-z][a-z0-9-]{0,40}$';
export const optionName = '^[a-z][A-Za-z0-9]{0,40}$';

/**
 * Adds a kind to a table at start-up, before the first manifest is read. Throws Error when it is too late, when the
 * name is taken or cannot be used, and when an option has the name of another kind's option but another type of value:
 * an axis such as `scheduler.exponent` is one field for all kinds that have it.
 */
export function register(table: Kinds, name: string, added: Kind): void {
  checkName(table, name);
  for (const [key, { schema }] of Object.entries(added.options)) {
    if (!new RegExp(optionName).test(key) || key === 'kind') refuse(name, `an option cannot be called ${key}`);
    const other = Object.values(table).find(({ options }) => Object.hasOwn(options, key))?.options[key];
    if (other !== undefined && other.schema['type'] !== schema['type'])
      refuse(name, `its option ${key} is of type ${String(schema['type'])}, elsewhere ${String(other.schema['type'])}`);
  }
  (table as Record<string, Kind>)[name] = added;
}

/** Adds to a table whose entries have no options. Throws Error as `register`. */
export function registerName<T>(table: Readonly<Record<string, T>>, name: string, added: T): void {
  checkName(table, name);
  (table as Record<string, T>)[name] = added;
}

function checkName(table: Readonly<Record<string, unknown>>, name: string): void {
  if (read) refuse(name, 'manifests have been read already');
  if (!new RegExp(partName).test(name))
    refuse(name, 'a name has small letters, digits and hyphens, and begins with a letter');
  if (Object.hasOwn(table, name)) refuse(name, 'the name is taken');
}

function refuse(name: string, why: string): never {
  throw new Error(`${name} cannot be registered: ${why}`);
}

/** The options with a default of all kinds of a table, for tests and tables of the docs. */
export const optionsOf = (table: Kinds): [kind: string, name: string, option: Option][] =>
  Object.entries(table).flatMap(([of, { options }]) =>
    Object.entries(options).flatMap(([name, option]) => ('default' in option ? [[of, name, option] as const] : [])),
  ) as [string, string, Option][];
