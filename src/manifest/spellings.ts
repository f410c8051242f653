/**
 * A field that once had another name. `"tuning.encoder": "scale-shift"` was all that could be said of a tower; today it
 * is one of the kinds of `tuning.tower`. Manifests and run.json of before are read as they are, a resolved run has
 * today's name alone, and identities keep the name of their time: for this one kind they are written in the old form
 * (`asFirstSpelled`).
 */
import type { FieldPath } from './pattern';
import { isObject } from '../json';
import type { Tree } from './tree';

const before = 'tuning.encoder';
const today = 'tuning.tower';

/** Today's name of a field. */
export const currentPath = (path: FieldPath): FieldPath => (path === before ? today : path);

/** Under which names a manifest may give a field. */
export const spellingsOf = (path: FieldPath): FieldPath[] => (path === today ? [path, before] : [path]);

/**
 * A value that a manifest gives a field, or a pattern for one, with today's names inside. Where both names stand the
 * old one is left, and refused as an unknown key.
 */
export function currentValue(path: FieldPath, value: unknown): unknown {
  if (path !== 'tuning' || !isObject(value) || !Object.hasOwn(value, 'encoder') || Object.hasOwn(value, 'tower'))
    return value;
  const { encoder, ...rest } = value;
  return { tower: typeof encoder === 'string' ? { kind: encoder } : encoder, ...rest };
}

/** A run, perhaps in part, with today's names. */
export const currentRun = (run: Tree): Tree =>
  run['tuning'] === undefined ? run : { ...run, tuning: currentValue('tuning', run['tuning']) };

/**
 * What an identity is made of, a run without its defaults, in the names of the time at which its options came to be.
 */
export function asFirstSpelled(special: Tree): Tree {
  const { tuning } = special;
  if (!isObject(tuning) || !isObject(tuning['tower']) || tuning['tower']['kind'] !== 'scale-shift') return special;
  const { tower: _tower, ...rest } = tuning;
  return { ...special, tuning: { ...rest, encoder: 'scale-shift' } };
}
