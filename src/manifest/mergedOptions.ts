/**
 * One field for the options of one name that several kinds of a choice have, each with its own meaning and limits: an
 * axis such as `scheduler.exponent`.
 */
import type { Kinds } from '../parts/define';
import type { Leaf } from '../parts/options';

/**
 * The options of all kinds by name, each kind's in its own order. A value that any of the kinds takes fits the field; a
 * resolved run is held to its own kind.
 */
export function mergedOptions(kinds: Kinds): Record<string, Leaf> {
  const found = new Map<string, [kind: string, leaf: Leaf][]>();
  for (const [kind, { options }] of Object.entries(kinds))
    for (const [name, option] of Object.entries(options)) found.set(name, [...(found.get(name) ?? []), [kind, option]]);
  return Object.fromEntries(inOrder(kinds, [...found.keys()]).map((name) => [name, merged(found.get(name)!)]));
}

/**
 * The names in an order that agrees with that of every kind, as far as the kinds agree with each other: axes are walked
 * in it.
 */
function inOrder(kinds: Kinds, names: readonly string[]): string[] {
  const orders = Object.values(kinds).map(({ options }) => Object.keys(options));
  const placed = new Set<string>();
  while (placed.size < names.length) {
    const left = names.filter((name) => !placed.has(name));
    const isNext = (name: string) =>
      orders.every((order) => order.slice(0, Math.max(0, order.indexOf(name))).every((before) => placed.has(before)));
    placed.add(left.find(isNext) ?? left[0]!);
  }
  return [...placed];
}

function merged(leaves: readonly [kind: string, leaf: Leaf][]): Leaf {
  const [[, first]] = leaves as [[string, Leaf]];
  return {
    type: 'leaf',
    about: aboutOf(leaves),
    schema: leaves.map(([, { schema }]) => schema).reduce(wider),
    ...(first.optional === true ? { optional: true } : {}),
  };
}

/** The meaning, or where the kinds differ each meaning with its kinds. */
function aboutOf(leaves: readonly [kind: string, leaf: Leaf][]): string {
  const kindsOf = new Map<string, string[]>();
  for (const [kind, { about }] of leaves) kindsOf.set(about, [...(kindsOf.get(about) ?? []), kind]);
  if (kindsOf.size === 1) return leaves[0]![1].about;
  return [...kindsOf].map(([about, kinds]) => `${kinds.join(', ')}: ${about}`).join('; ');
}

type Schema = Leaf['schema'];

/** The schema that takes what either takes; both are of one type. */
function wider(a: Schema, b: Schema): Schema {
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  if (Array.isArray(a['enum']) && Array.isArray(b['enum']))
    return { ...a, enum: [...new Set([...(a['enum'] as unknown[]), ...(b['enum'] as unknown[])])] };
  const lower = outer(a, b, 'minimum', 'exclusiveMinimum', (x, y) => x < y);
  const upper = outer(a, b, 'maximum', 'exclusiveMaximum', (x, y) => x > y);
  return { type: a['type'], ...lower, ...upper };
}

/** The bound of either schema that lies further out; of equal ones the one that includes its value. */
function outer(
  a: Schema,
  b: Schema,
  inclusive: string,
  exclusive: string,
  further: (x: number, y: number) => boolean,
): Schema {
  const bounds = [a, b].flatMap((schema) =>
    [inclusive, exclusive].flatMap((key) => (typeof schema[key] === 'number' ? [{ key, at: schema[key] }] : [])),
  );
  if (bounds.length < 2) return {};
  const furthest = bounds.reduce((best, bound) => (further(bound.at, best.at) ? bound : best));
  const same = bounds.filter(({ at }) => at === furthest.at);
  return { [same.some(({ key }) => key === inclusive) ? inclusive : exclusive]: furthest.at };
}
