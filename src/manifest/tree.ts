/** Plain JSON objects, addressed by dotted paths. */

import { isObject, type JsonObject } from '../json';

export type Tree = JsonObject;

/** Sets an own property even when its name is `__proto__`. */
export function setOwn(tree: Tree, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true });
  else tree[key] = value; // several times as fast
}

/** The value at a dotted path, or undefined. */
export function valueAt(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), tree);
}

/** All leaves of a value by dotted path; lists are leaves. */
export function leaves(value: unknown, path = ''): [string, unknown][] {
  if (!isObject(value)) return [[path, value]];
  return Object.keys(value)
    .sort()
    .flatMap((key) => leaves(value[key], path === '' ? key : `${path}.${key}`));
}

/** A copy of a JSON value that shares nothing with it; several times as fast as structuredClone. */
export function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (!isObject(value)) return value;
  const copy: Tree = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyOf(value[key]));
  return copy as T;
}
