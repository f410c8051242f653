/**
 * Which model an object of a configuration describes: its `model_type`, and the classes that `architectures` names. Both
 * must say the same, because the sizes of one model are not those of another.
 */
import type { Fields } from './config';

/** What can be read, by `model_type`, with a pattern of the names of the published classes. */
export type Classes<Kind extends string> = Readonly<Record<Kind, string>>;

/** Classes whose names begin so: `Llama` for LlamaModel and LlamaForCausalLM. */
export const classes = (...stems: readonly string[]): string => `(?:${stems.join('|')})(?:Model|For[A-Z]\\w*)`;

const isClassOf = (name: unknown, pattern: string): boolean =>
  typeof name === 'string' && new RegExp(`^(?:${pattern})$`).test(name);

/** The names that `architectures` holds; none where it is absent. */
export function architecturesOf(fields: Fields): readonly unknown[] {
  const stated = fields.raw('architectures') ?? [];
  return Array.isArray(stated) ? (stated as unknown[]) : [stated];
}

/**
 * The kind of an object; `missing` where it states none. One that is not known, and one that `architectures`
 * contradicts, are problems of the configuration.
 */
export function kindOf<Kind extends string>(fields: Fields, known: Classes<Kind>, missing: NoInfer<Kind>): Kind {
  const stated = fields.text('model_type', missing);
  if (!Object.hasOwn(known, stated)) {
    fields.bad('model_type', Object.keys(known).sort().join(', '));
    return missing;
  }
  const kind = stated as Kind;
  if (architecturesOf(fields).some((name) => !isClassOf(name, known[kind]))) {
    const why = (fields.raw('model_type') ?? null) === null ? 'is taken where none is stated' : 'is stated';
    fields.bad('architectures', `a class of ${kind}, the model_type that ${why}`);
  }
  return kind;
}

/** The kind whose class `architectures` names, for configurations that leave `model_type` out. */
export const kindByClass = <Kind extends string>(fields: Fields, known: Classes<Kind>): Kind | undefined =>
  (Object.keys(known) as Kind[]).find((kind) => architecturesOf(fields).some((name) => isClassOf(name, known[kind])));
