/**
 * Values for fields: how a manifest's short forms are read, how settings lie over each other, what a pattern matches.
 */
import { durationFields, fieldsByPath, innerFields, runFields, type Field } from './fields';
import { pointer, type Settings } from './content';
import type { FieldPath, Pattern } from './pattern';
import { currentPath, currentValue } from './spellings';
import { isObject } from '../json';
import { setOwn, valueAt, type Tree } from './tree';

/** One field of a run gets one value; `place` is the JSON pointer of the value in the manifest. */
export interface Assignment {
  path: FieldPath;
  value: unknown;
  place: string;
}

let order: ReadonlyMap<string, number> | undefined;

/** Position of a field in the walking order: parents before their parts, the seed last. */
export function fieldOrder(path: FieldPath): number {
  order ??= new Map([...fieldsByPath().keys()].map((name, index) => [name, index]));
  return order.get(settledField(path)) ?? Number.MAX_SAFE_INTEGER;
}

/** Two names for one thing are one field: the lengths all set `duration`, and a field may have had another name. */
export function settledField(path: FieldPath): FieldPath {
  return isLength(path) ? 'duration' : currentPath(path);
}

const isLength = (path: FieldPath): boolean => Object.hasOwn(durationFields, path);

/** The values that `fixed`, a length, `measure` and `evaluate` set. */
export function settingsOf(settings: Settings, place: string): Assignment[] {
  const fixed = Object.entries(settings.fixed ?? {}).map(([path, value]) => ({
    path,
    value,
    place: pointer(place, 'fixed', path),
  }));
  const named = [...Object.keys(durationFields), 'measure', 'evaluate'].flatMap((path): Assignment[] => {
    const value = (settings as Tree)[path];
    return value === undefined ? [] : [{ path, value, place: pointer(place, path) }];
  });
  return [...fixed, ...named];
}

/**
 * Lays values over a partial run: whole fields first, then parts of fields, whatever order the manifest gives them in.
 */
export function assignAll(run: Tree, assignments: readonly Assignment[]): Tree {
  return [...assignments]
    .sort((a, b) => fieldOrder(a.path) - fieldOrder(b.path))
    .reduce((tree, each) => assign(tree, each.path, each.value), run);
}

function assign(run: Tree, path: FieldPath, value: unknown): Tree {
  if (isLength(path)) return { ...run, duration: { [path]: value } };
  const all: Field = { type: 'group', about: '', fields: runFields };
  return inside(all, run, currentPath(path).split('.'), currentValue(path, value)) as Tree;
}

function inside(field: Field, current: unknown, path: string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return put(field, current, value);
  if (field.type === 'choice' && name === field.tag) return put(field, current, { [name]: value });
  const inner = innerFields(field)[name];
  if (inner === undefined) throw new RangeError(`no field ${path.join('.')}`);
  const here = isObject(current) ? current : {};
  return { ...here, [name]: inside(inner, here[name], rest, value) };
}

/** A value in its full form over the current one. Another kind of a tagged union starts afresh. */
function put(field: Field, current: unknown, value: unknown): unknown {
  const under = isObject(current) ? current : {};
  if (field.type === 'group') {
    const given =
      field.shared === true && typeof value === 'number'
        ? Object.fromEntries(
            Object.entries(field.fields).flatMap(([name, part]) =>
              part.type === 'leaf' && part.optional === true ? [] : [[name, value]],
            ),
          )
        : value;
    if (!isObject(given)) return given;
    const result = { ...under };
    for (const [name, part] of Object.entries(given)) {
      const inner = Object.hasOwn(field.fields, name) ? field.fields[name] : undefined;
      setOwn(result, name, inner === undefined ? part : put(inner, under[name], part));
    }
    return result;
  }
  if (field.type === 'choice') {
    const given = field.shorthand && typeof value === 'string' ? { [field.tag]: value } : value;
    if (!isObject(given)) return given;
    const [old, fresh] = [under[field.tag], given[field.tag]];
    if (old === undefined || fresh === undefined || old === fresh) return { ...under, ...given };
    if (field.tag === 'kind') return given;
    const kept = field.kinds[String(fresh)]?.options ?? {};
    return { ...Object.fromEntries(Object.entries(under).filter(([name]) => Object.hasOwn(kept, name))), ...given };
  }
  return value;
}

/** Does a run, with its defaults, match a pattern? */
export function matches(pattern: Pattern, run: Tree): boolean {
  return Object.entries(pattern).every(([path, wanted]) => {
    const value = valueAt(run, isLength(path) ? `duration.${path}` : currentPath(path));
    return (Array.isArray(wanted) ? wanted : [wanted]).some((one) => matchesValue(currentValue(path, one), value));
  });
}

function matchesValue(wanted: unknown, value: unknown): boolean {
  if (isObject(wanted)) {
    return (
      isObject(value) &&
      Object.entries(wanted).every(([key, inner]) =>
        (Array.isArray(inner) ? inner : [inner]).some((one) => matchesValue(one, value[key])),
      )
    );
  }
  // Short forms: a kind for the whole union, one rate for both modules.
  if (isObject(value))
    return typeof wanted === 'number'
      ? Object.values(value).every((inner) => inner === wanted)
      : value['kind'] === wanted;
  return wanted === value;
}
