/**
 * `--set field=value`: a manifest with other values for some fields of its runs. The result is a whole manifest of its own,
 * with a name of its own: its runs never mix with those of the file.
 */
import { canonicalJson, sha256 } from '../files';
import { isObject } from '../json';
import { show } from '../printable';
import { userError } from '../problems';
import { settledField } from './assign';
import { pointer, type ManifestContent, type Profile } from './content';
import { suggestion, type Fault } from './faults';
import { fieldsByPath, type Field } from './fields';
import { findProfile } from './profiles';
import { mentionsOf, sectionsOf, type Section } from './structure';
import { copyOf, setOwn, type Tree } from './tree';

/** One `--set`. `field`: `name`, or a field of the runs as axes name it. */
export interface Override {
  field: string;
  value: unknown;
  /** as it was typed */
  text: string;
}

/** Letters that a manifest's name may have. */
const longestName = 64;
const hashDigits = 6;

/** Reads `field=value`; the value is JSON where it can be read so, else text. Throws UserError. */
export function parseOverride(text: string): Override {
  const at = text.indexOf('=');
  const field = text.slice(0, at).trim();
  if (at < 0 || field === '')
    throw userError({
      where: `--set ${show(text)}`,
      what: 'is no assignment',
      expected: 'FIELD=VALUE, e.g. batch=16',
    });
  const value = text.slice(at + 1).trim();
  try {
    return { field, value: JSON.parse(value) as unknown, text };
  } catch {
    return { field, value, text };
  }
}

/**
 * The manifest with these values, or what is wrong with them. A list of values is an axis, anything else one value for all
 * runs; it takes the place of whatever grids, settings and profiles say of the field.
 * @param content a parsed manifest, which may be faulty: it is checked afterwards
 */
export function withOverrides(
  content: unknown,
  overrides: readonly Override[],
  profile: string | null,
): { content: unknown; faults: Fault[] } {
  const faults = overrides.flatMap((override, i) => overrideFaults(override, overrides.slice(0, i), content));
  if (faults.length > 0 || !isObject(content)) return { content, faults };
  const changed = copyOf(content);
  const varied = overrides.filter(({ field }) => field !== 'name');
  if (profile !== null) ownProfile(changed, profile);
  for (const override of varied) for (const section of sectionsOf(changed)) put(section, override, changed);
  const name = overrides.find(({ field }) => field === 'name');
  changed['name'] = name === undefined ? nameWith(content['name'], varied) : name.value;
  return { content: changed, faults };
}

/** What is wrong with one of them, before anything is changed. */
function overrideFaults({ field, text }: Override, earlier: readonly Override[], content: unknown): Fault[] {
  const place = setPlace(text);
  if (earlier.some((other) => settledField(other.field) === settledField(field)))
    return [{ place, what: 'sets a field that another --set sets', expected: 'each field once' }];
  if (field === 'name') return [];
  const known = [...fieldsByPath().keys()];
  if (!known.includes(field))
    return [
      {
        place,
        what: `there is no field ${show(field)}`,
        expected: 'a field of the runs, as axes name it (docs/manifests.md), or name',
        hint: suggestion(field, known),
      },
    ];
  const condition = sectionsOf(content)
    .flatMap(mentionsOf)
    .find((mention) => mention.by === 'when' && isWithin(mention.field, field));
  return condition === undefined
    ? []
    : [{ place, what: `a condition of the manifest sets it, at ${condition.place}`, hint: 'change the manifest' }];
}

const setMark = '--set ';

/** Where a fault of an override lies, instead of a place in the file. */
const setPlace = (text: string): string => `${setMark}${show(text)}`;

/** Whether a fault's place is an override. */
export const isSetPlace = (place: string): boolean => place.startsWith(setMark);

/** A fault of a value that an override has put there, said of the override. */
export function blamed(fault: Fault, overrides: readonly Override[]): Fault {
  const by = overrides.find(({ field }) =>
    field === 'name'
      ? fault.place === '/name'
      : [pointer('/axes', field), pointer('/fixed', field)].some((part) =>
          new RegExp(`^(/include/\\d+|/profiles/[^/]+)?${escaped(part)}(/|$)`).test(fault.place),
        ),
  );
  return by === undefined ? fault : { ...fault, place: setPlace(by.text) };
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Whether a field is another, or a part of it. */
const isWithin = (field: string, outer: string): boolean =>
  settledField(field) === settledField(outer) || field.startsWith(`${outer}.`);

/** A built-in profile that is asked for becomes the manifest's own, so that what is set can stand in it. */
function ownProfile(content: Tree, name: string): void {
  const found = findProfile(content as unknown as ManifestContent, name);
  if (found === undefined) return;
  const own = isObject(content['profiles']) ? content['profiles'] : {};
  setOwn(own, name, copyOf<Profile>(found));
  content['profiles'] = own;
}

/** Takes a field out of a grid or profile, and puts the value there. */
function put({ kind, value: section }: Section, { field, value }: Override, content: Tree): void {
  const varied = isVaried(section) || kind === 'include' || content['include'] === undefined;
  const take = (from: unknown) => {
    if (isObject(from)) for (const key of Object.keys(from)) if (isWithin(key, field)) delete from[key];
  };
  take(section['fixed']);
  take(section['axes']);
  for (const key of Object.keys(section)) if (fieldsByPath().has(key) && isWithin(key, field)) delete section[key];
  if (Array.isArray(section['zip'])) {
    section['zip'].forEach(take);
    section['zip'] = section['zip'].filter((group) => !isObject(group) || Object.keys(group).length > 0);
    if ((section['zip'] as unknown[]).length === 0) delete section['zip'];
  }
  const known = fieldsByPath().get(field);
  const isAxis = Array.isArray(value) && !isList(known);
  // A profile varies nothing, and neither do settings that grids inherit.
  if (kind === 'profile' || !varied) {
    if (!isAxis) into(section, 'fixed', field, value);
  } else into(section, 'axes', field, isAxis ? value : [value]);
  for (const key of ['fixed', 'axes'])
    if (isObject(section[key]) && Object.keys(section[key]).length === 0) delete section[key];
}

const isVaried = (section: Tree): boolean => ['axes', 'zip', 'when'].some((key) => section[key] !== undefined);

const isList = (field: Field | undefined): boolean => field?.type === 'leaf' && field.schema['type'] === 'array';

function into(section: Tree, key: 'fixed' | 'axes', field: string, value: unknown): void {
  const inner = isObject(section[key]) ? section[key] : {};
  setOwn(inner, field, value);
  section[key] = inner;
}

/**
 * `quickstart-steps-50-3f2a91`: readable as far as a name has room, and by its last digits another one for other values,
 * in whatever order they were given.
 */
function nameWith(name: unknown, overrides: readonly Override[]): unknown {
  if (typeof name !== 'string' || overrides.length === 0) return name;
  const sorted = [...overrides].sort((a, b) => (a.field < b.field ? -1 : 1));
  const hash = sha256(canonicalJson(sorted.map(({ field, value }) => [field, value]))).slice(0, hashDigits);
  const words = sorted
    .map(({ field, value }) => `${field}-${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .slice(0, Math.max(0, longestName - name.length - hashDigits - 2))
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return [name, ...(words === '' ? [] : [words]), hash].join('-');
}
