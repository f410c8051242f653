/**
 * Takes the faulty values out of a manifest, so that the rest of it can be checked in the same go and all problems of a
 * file are reported at once. The repaired content is never run: it only serves to find more faults.
 */
import type { ManifestContent } from './content';
import { durationFields, fieldsByPath } from './fields';
import { nearestName } from '../nearest';
import { sectionsOf } from './structure';
import { isObject } from '../json';
import type { Tree } from './tree';
import type { Fault } from './faults';

export interface Repaired {
  content: ManifestContent;
  /** places of grids and profiles too damaged to be expanded: checking them would blame the innocent */
  broken: ReadonlySet<string>;
}

const settings = [...Object.keys(durationFields), 'measure', 'evaluate'];

/** Keys that say nothing about runs, and keys that do: a misspelt one of these leaves a grid that nobody meant. */
const harmless = ['name', 'about', '$schema', 'profiles', 'slurm'];
const meaningful = ['axes', 'zip', 'exclude', 'when', 'include', 'fixed', 'keep', 'runs', ...settings];

/** The content without its faulty values. */
export function repair(content: unknown, faults: readonly Fault[]): Repaired {
  const broken = new Set<string>();
  const copy: unknown = structuredClone(content);
  if (!isObject(copy))
    return {
      content: { name: '', about: { what: '', command: '', expectedTime: '', lookFor: '' } },
      broken: new Set(['']),
    };
  const removals = new Map<string, Removal>();
  for (const fault of faults) {
    const parts = segments(fault.place);
    const depth = parts[0] === 'include' || parts[0] === 'profiles' ? Math.min(2, parts.length) : 0;
    const place = fault.place
      .split('/')
      .slice(0, depth + 1)
      .join('/');
    const removal = removalFor(parts.slice(depth), depth === 0 ? copy : at(copy, parts.slice(0, depth)));
    if (depth === 1 || removal === 'break') broken.add(place);
    else if (removal !== 'nothing') {
      const { path, row } = removal;
      // Two faults in one row of a zip remove the row once.
      removals.set(`${place} ${JSON.stringify(row === true ? [path[1], path[3]] : path)}`, {
        row,
        path: [...parts.slice(0, depth), ...path],
      });
    }
  }
  // From the back, so that places of the ones in front stay right.
  for (const removal of [...removals.values()].sort((a, b) => Number(b.path.at(-1)) - Number(a.path.at(-1))))
    apply(copy, removal);
  for (const { value } of sectionsOf(copy)) dropEmptyLists(value);
  for (const key of ['include', 'profiles']) if (broken.has(`/${key}`)) delete copy[key];
  if (
    faults.some(
      (fault) => /^\/fixed(\/[^/]*)?$/.test(fault.place) && !fieldsByPath().has(segments(fault.place)[1] ?? ''),
    )
  ) {
    // What every grid inherits is not known.
    (Array.isArray(copy['include']) ? copy['include'] : []).forEach((_, index) => broken.add(`/include/${index}`));
  }
  return { content: copy as unknown as ManifestContent, broken };
}

/** An axis that lost all its values varies nothing; left empty it would leave no runs to check. */
function dropEmptyLists(section: Tree): void {
  const conditions = (Array.isArray(section['when']) ? section['when'] : []).map((condition: unknown) =>
    isObject(condition) ? condition['then'] : undefined,
  );
  const groups = Array.isArray(section['zip']) ? section['zip'] : [];
  for (const axes of [section['axes'], ...groups, ...conditions] as unknown[]) {
    if (isObject(axes))
      for (const [name, values] of Object.entries(axes))
        if (Array.isArray(values) && values.length === 0) delete axes[name];
  }
  if (groups.length > 0)
    section['zip'] = groups.filter((group: unknown) => isObject(group) && Object.keys(group).length > 0);
}

interface Removal {
  path: string[];
  /** remove this row from every list of the object at the path's parent's parent */
  row?: boolean;
}

function segments(place: string): string[] {
  return place
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What to take out of a grid or profile for a fault at a path inside it. */
function removalFor(path: string[], section: unknown): Removal | 'break' | 'nothing' {
  const [key, second, third, fourth, fifth] = path;
  if (key === undefined || !isObject(section)) return 'break';
  if (
    harmless.includes(key) ||
    (!meaningful.includes(key) && !meaningful.includes(nearestName(key, [...harmless, ...meaningful]) ?? ''))
  )
    return 'nothing';
  if (settings.includes(key)) return { path: [key] };
  const known = (name: string | undefined) => name !== undefined && fieldsByPath().has(name);
  if (key === 'fixed') return known(second) ? { path: [key, second!] } : 'break';
  if (key === 'axes' && known(second))
    return third === undefined ? { path: [key, second!] } : { path: [key, second!, third] };
  if (key === 'zip' && known(third) && fourth !== undefined) return { path: [key, second!, third!, fourth], row: true };
  if (key === 'when' && third === 'then' && known(fourth) && fifth !== undefined)
    return { path: [key, second!, third, fourth!, fifth] };
  return 'break';
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)] as unknown;
    return isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  }, tree);
}

function apply(content: Tree, { path, row }: Removal): void {
  const last = path.at(-1)!;
  const parent = at(content, path.slice(0, -1));
  if (row === true) {
    const group = at(content, path.slice(0, -2));
    if (isObject(group))
      for (const values of Object.values(group)) if (Array.isArray(values)) values.splice(Number(last), 1);
  } else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isObject(parent)) delete parent[last];
}
