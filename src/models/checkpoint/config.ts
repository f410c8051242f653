/**
 * Fields of a config.json with their published defaults, checked. Problems are collected: a person sees all of them at
 * once.
 */
import { type Problem, UserError } from '../../problems';
import { isObject, type JsonObject } from '../../json';

/**
 * Upper limits far above any published model, so that a forged number cannot make a program loop or a product overflow.
 */
export const limits = {
  width: 2 ** 17,
  hidden: 2 ** 20,
  layers: 1024,
  heads: 1024,
  vocabulary: 2 ** 23,
  positions: 2 ** 22,
  side: 2 ** 14,
} as const;

/**
 * Reads the fields of one object of a configuration. A field that is absent or null has the default that is given with
 * its name, which is told to whoever listens: `readFields`.
 */
export interface Fields {
  /** where these fields stand, e.g. `config.json /text_config` */
  where: string;
  /** a whole number from 1 to `most` (from 0 with `least`) */
  whole(name: string, missing: number, most: number, least?: number): number;
  /** the same, where what is missing follows from other fields and is no default of its own */
  derived(name: string, value: number, most: number): number;
  positive(name: string, missing: number): number;
  flag(name: string, missing: boolean): boolean;
  text(name: string, missing: string): string;
  /** a number, or a pair of equal numbers: sides of a square */
  side(name: string, missing: number): number;
  /** fields of an inner object, without which a configuration is none: absent, it is a problem and reads as empty */
  inner(name: string): Fields;
  /** fields of an inner object that may be absent, and is empty then */
  optional(name: string): Fields;
  /** the value as it stands */
  raw(name: string): unknown;
  /** the value as it stands, or the default where there is none */
  any(name: string, missing: unknown): unknown;
  /** reports a problem with a field */
  bad(name: string, expected: string): void;
}

/** Hears of every default that was taken: the place of the field, e.g. `text_config/hidden_size`, and its value. */
export type OnDefault = (place: string, value: unknown) => void;

/** Reads a configuration with `build`. Throws UserError with every problem that came up. */
export function readFields<T>(
  config: JsonObject,
  where: string,
  build: (fields: Fields) => T,
  onDefault: OnDefault = () => undefined,
): T {
  const problems: Problem[] = [];
  const result = build(fieldsOf(config, where, problems, onDefault));
  if (problems.length > 0) throw new UserError(problems);
  return result;
}

const within =
  (least: number, most: number) =>
  (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isText = (value: unknown): value is string => typeof value === 'string';

function fieldsOf(config: JsonObject, where: string, problems: Problem[], onDefault: OnDefault): Fields {
  const raw = (name: string): unknown => (Object.hasOwn(config, name) ? config[name] : undefined);
  const bad = (name: string, expected: string) =>
    void problems.push({
      where: `${where}/${name}`,
      what: (JSON.stringify(raw(name)) ?? 'missing').slice(0, 80),
      expected,
    });
  const any = (name: string, missing: unknown, tell = onDefault): unknown => {
    const value = raw(name) ?? undefined;
    if (value === undefined) tell(name, missing);
    return value ?? missing;
  };
  const field = <T>(
    name: string,
    missing: T,
    fits: (value: unknown) => value is T,
    expected: string,
    tell = onDefault,
  ): T => {
    const value = any(name, missing, tell);
    if (fits(value) || value === missing) return value as T;
    bad(name, expected);
    return missing;
  };
  const object = (name: string): Fields => {
    const value = raw(name) ?? undefined;
    if (value !== undefined && !isObject(value)) bad(name, 'an object');
    return fieldsOf(isObject(value) ? value : {}, `${where}/${name}`, problems, (place, taken) =>
      onDefault(`${name}/${place}`, taken),
    );
  };
  return {
    where,
    raw,
    any,
    bad,
    whole: (name, missing, most, least = 1) =>
      field(name, missing, within(least, most), `a whole number from ${least} to ${most}`),
    derived: (name, value, most) =>
      field(name, value, within(1, most), `a whole number from 1 to ${most}`, () => undefined),
    positive: (name, missing) => field(name, missing, isPositive, 'a number above 0'),
    flag: (name, missing) => field(name, missing, isFlag, 'true or false'),
    text: (name, missing) => field(name, missing, isText, 'a text'),
    side(name, missing) {
      const value = raw(name);
      if (!Array.isArray(value)) return field(name, missing, within(1, limits.side), 'a whole number');
      if (value.length === 2 && value[0] === value[1] && within(1, limits.side)(value[0])) return value[0];
      bad(name, 'two equal whole numbers: only square images are supported');
      return missing;
    },
    optional: object,
    inner(name) {
      if ((raw(name) ?? null) === null)
        bad(name, 'an object: sizes stand in it, and none of them is guessed where it is absent');
      return object(name);
    },
  };
}

/** Width and heads of an attention; heads that do not divide the width are reported. */
export function attentionSizes(
  fields: Fields,
  missing: { width: number; heads: number },
  names = { width: 'hidden_size', heads: 'num_attention_heads' },
): { width: number; heads: number } {
  const width = fields.whole(names.width, missing.width, limits.width);
  const heads = fields.whole(names.heads, missing.heads, limits.heads);
  if (width % heads !== 0) fields.bad(names.heads, `a divisor of ${names.width} ${width}`);
  return { width, heads };
}
