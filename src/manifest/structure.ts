/** Rules of a manifest's structure that JSON Schema cannot say: fields set twice, unequal zips, grids without end. */
import { settledField } from './assign';
import { pointer } from './content';
import { durationFields } from './fields';
import { runLimit } from './grid';
import { isObject } from '../json';
import type { Tree } from './tree';
import { show } from '../printable';
import type { Fault } from './faults';

/** One grid or profile of a manifest as it was parsed: any of its values may still be wrong. */
export interface Section {
  kind: 'manifest' | 'include' | 'profile';
  place: string;
  value: Tree;
}

/** The manifest itself, its included grids and its profiles. */
export function sectionsOf(content: unknown): Section[] {
  if (!isObject(content)) return [];
  const include = Array.isArray(content['include']) ? content['include'] : [];
  const profiles = isObject(content['profiles']) ? Object.entries(content['profiles']) : [];
  return [
    { kind: 'manifest', place: '', value: content },
    ...include.flatMap((value: unknown, index): Section[] =>
      isObject(value) ? [{ kind: 'include', place: pointer('', 'include', index), value }] : [],
    ),
    ...profiles.flatMap(([name, value]): Section[] =>
      isObject(value) ? [{ kind: 'profile', place: pointer('', 'profiles', name), value }] : [],
    ),
  ];
}

/** Every structural fault of a parsed manifest. */
export function structureFaults(content: unknown): Fault[] {
  return sectionsOf(content).flatMap((section) => [
    ...setTwice(section),
    ...unequalZips(section),
    ...tooLarge(section),
    ...(section.kind === 'manifest' ? idleParts(section) : []),
  ]);
}

interface Mention {
  field: string;
  place: string;
  by: 'settings' | 'axes' | 'zip' | 'when';
}

/** Every place of a section that gives a field values. */
export function mentionsOf({ value, place }: Section): Mention[] {
  const keys = (inner: unknown, by: Mention['by'], at: string): Mention[] =>
    isObject(inner) ? Object.keys(inner).map((field) => ({ field, by, place: pointer(at, field) })) : [];
  const settings = [...Object.keys(durationFields), 'measure', 'evaluate'].filter((key) => Object.hasOwn(value, key));
  return [
    ...keys(value['fixed'], 'settings', pointer(place, 'fixed')),
    ...settings.map((field): Mention => ({ field, by: 'settings', place: pointer(place, field) })),
    ...keys(value['axes'], 'axes', pointer(place, 'axes')),
    ...listOf(value['zip']).flatMap((group, index) => keys(group, 'zip', pointer(place, 'zip', index))),
    ...listOf(value['when']).flatMap((condition, index) =>
      keys(isObject(condition) ? condition['then'] : undefined, 'when', pointer(place, 'when', index, 'then')),
    ),
  ];
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Only a condition may set a field again, and only one that is fixed. */
function setTwice(section: Section): Fault[] {
  const mentions = mentionsOf(section);
  return mentions.flatMap((mention, index): Fault[] => {
    const earlier = mentions
      .slice(0, index)
      .find(
        (other) =>
          settledField(other.field) === settledField(mention.field) &&
          (mention.by !== 'when' || !['settings', 'when'].includes(other.by)),
      );
    if (earlier === undefined) return [];
    if (settledField(mention.field) === 'duration') {
      return [
        {
          place: mention.place,
          what: `two durations: ${mention.field} here and ${earlier.field} at ${earlier.place}`,
          expected: 'exactly one of steps, epochs and examples',
        },
      ];
    }
    return [
      {
        place: mention.place,
        what: `"${mention.field}" is already set at ${earlier.place}`,
        expected: 'one place for each field',
      },
    ];
  });
}

function unequalZips({ value, place }: Section): Fault[] {
  return listOf(value['zip']).flatMap((group, index): Fault[] => {
    if (!isObject(group)) return [];
    const lengths = Object.entries(group).flatMap(([name, values]) =>
      Array.isArray(values) ? [{ name, length: values.length }] : [],
    );
    if (new Set(lengths.map((each) => each.length)).size <= 1) return [];
    return [
      {
        place: pointer(place, 'zip', index),
        what: `the lists have different lengths: ${lengths.map((each) => `${each.name} ${each.length}`).join(', ')}`,
        expected: 'as many values in each',
      },
    ];
  });
}

function tooLarge({ value, place }: Section): Fault[] {
  const size = (axes: unknown) =>
    isObject(axes)
      ? Object.values(axes).reduce<number>((product, values) => product * Math.max(1, listOf(values).length), 1)
      : 1;
  const zips = listOf(value['zip']).reduce<number>(
    (product, group) => product * (isObject(group) ? Math.max(1, listOf(Object.values(group)[0]).length) : 1),
    1,
  );
  const grid = size(value['axes']) * zips;
  const conditions = listOf(value['when']).map((condition, index) => ({
    place: pointer(place, 'when', index, 'then'),
    size: isObject(condition) ? size(condition['then']) : 1,
  }));
  return [{ place, size: grid }, ...conditions]
    .filter((each) => each.size > runLimit)
    .map((each) => ({
      place: each.place,
      what: `the grid has ${each.size.toLocaleString('en-GB')} combinations`,
      expected: `at most ${runLimit.toLocaleString('en-GB')} runs`,
    }));
}

/** `exclude` filters the manifest's own grid, which does not exist when everything is included. */
function idleParts({ value, place }: Section): Fault[] {
  const varies = ['axes', 'zip', 'when'].some((key) => value[key] !== undefined);
  if (varies || value['include'] === undefined || value['exclude'] === undefined) return [];
  return [
    {
      place: pointer(place, 'exclude'),
      what: `excludes nothing (${show(value['exclude'])}): the manifest has no axes of its own`,
      expected: 'exclude inside the included grid',
    },
  ];
}
