/** JSON Schemas of the values that a field may have: in a run, in a manifest, and in a pattern for runs. */
import { optionName, partName } from '../parts/define';
import { innerFields, type Choice, type Field, type Group, type Leaf } from './fields';

export type Schema = Record<string, unknown>;

/** An object that has these properties and no others. */
export const closed = (properties: Record<string, unknown>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
});
/** The same keys with other values. */
export const mapValues = <T, U>(
  record: Readonly<Record<string, T>>,
  f: (value: T, key: string) => U,
): Record<string, U> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));

/**
 * Which names a schema takes: those that are `known` to this process, or `any` that a user's own tasks and parts may
 * have, elsewhere and later.
 */
export type Names = 'known' | 'any';

/** A leaf's value; a name that may be of the user's own is open to any, with the known ones for editors to offer. */
function leafSchema(field: Leaf, names: Names): Schema {
  const { schema, own } = field;
  if (own === undefined || names === 'known') return schema;
  return { type: 'string', anyOf: [{ enum: schema['enum'] }, { pattern: own }] };
}

/** The value of an option that only a part of the user's own has. */
export const ownOption: Schema = { type: ['number', 'string', 'boolean', 'array', 'object'] };

/** Options beside the known ones, of a choice to which a user may add kinds. */
const ownOptions = (field: Choice, names: Names): Schema =>
  field.own === true && names === 'any' ? { patternProperties: { [optionName]: ownOption } } : {};

/** A kind of a choice in short form. */
const kindNames = (field: Choice, names: Names): Schema => {
  const schema = { type: 'string', enum: Object.keys(field.kinds) };
  return field.own === true ? leafSchema({ type: 'leaf', about: '', schema, own: partName }, names) : schema;
};

/** Any part of a value, in long or short form. */
export function valueSchema(field: Field, names: Names): Schema {
  const inner = (each: Field) => valueSchema(each, names);
  switch (field.type) {
    case 'leaf':
      return {
        ...leafSchema(field, names),
        description: field.about,
        ...(names === 'any' && 'default' in field ? { default: field.default } : {}),
      };
    case 'group': {
      const parts = closed(mapValues(field.fields, inner), { minProperties: 1, ...spelledOnce(field, names) });
      const shared = Object.values(field.fields)[0];
      if (field.shared !== true || shared === undefined) return { ...parts, description: field.about };
      return { description: field.about, anyOf: [{ ...inner(shared), description: 'the same for both' }, parts] };
    }
    case 'choice': {
      const parts = closed(mapValues(innerFields(field), inner), { minProperties: 1, description: field.about });
      if (!field.shorthand) return parts;
      const own = field.own === true && names === 'any' ? [ownKind(field)] : [];
      return {
        description: field.about,
        anyOf: [kindNames(field, names), optionSchema(field, false, names), ...own],
      };
    }
  }
}

/** A field may be given under its name of before or of today, not under both; plan tells which of them it does not know. */
function spelledOnce({ fields }: Group, names: Names): Schema {
  const twice = Object.entries(fields).flatMap(([name, field]) =>
    field.type === 'leaf' && field.older !== undefined ? [{ required: [name, field.older] }] : [],
  );
  return names === 'known' || twice.length === 0 ? {} : { not: { anyOf: twice } };
}

const isOlder = (field: Field): boolean => field.type === 'leaf' && field.older !== undefined;

/** One object of a tagged union; `complete` demands every field that has a default. */
export function optionSchema(field: Choice, complete: boolean, names: Names): Schema {
  return {
    type: 'object',
    discriminator: { propertyName: field.tag },
    required: [field.tag],
    oneOf: Object.entries(field.kinds).map(([kind, { about, options }]) =>
      closed(
        {
          [field.tag]: { const: kind, description: about },
          ...mapValues(options, (option) => valueSchema(option, names)),
        },
        { description: about, ...(complete ? { required: [field.tag, ...needed(options)] } : {}) },
      ),
    ),
  };
}

/** One object of a kind that is the user's own. */
const ownKind = (field: Choice): Schema => ({
  type: 'object',
  description: 'a part of your own (--parts)',
  required: [field.tag],
  properties: { [field.tag]: { type: 'string', pattern: partName, not: { enum: Object.keys(field.kinds) } } },
  patternProperties: { [optionName]: ownOption },
  additionalProperties: false,
});

/** The names of the fields that a run must have. */
export function needed(fields: Readonly<Record<string, Field>>): string[] {
  return Object.entries(fields)
    .filter(([, field]) => !(field.type === 'leaf' && field.optional === true))
    .map(([name]) => name);
}

/** The fields that a resolved run may have. */
export const inRuns = (fields: Readonly<Record<string, Field>>): Record<string, Field> =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => !isOlder(field)));

/** What a pattern may say of a field: a value, any part of it, or a list of these. */
export function patternSchema(field: Field, names: Names): Schema {
  const one = onePattern(field, names);
  return {
    description: `matches runs: ${field.about}`,
    anyOf: [...one, { type: 'array', minItems: 1, maxItems: 1000, items: one.length === 1 ? one[0] : { anyOf: one } }],
  };
}

function onePattern(field: Field, names: Names): Schema[] {
  if (field.type === 'leaf') return [leafSchema(field, names)];
  const parts = closed(
    mapValues(patternFields(field), (inner) => {
      const one = onePattern(inner, names);
      return one.length === 1 ? one[0] : { anyOf: one };
    }),
    { minProperties: 1, ...(field.type === 'choice' ? ownOptions(field, names) : {}) },
  );
  if (field.type === 'choice' && field.shorthand) return [kindNames(field, names), parts];
  const shared = Object.values(innerFields(field))[0];
  return field.type === 'group' && field.shared === true && shared?.type === 'leaf' ? [shared.schema, parts] : [parts];
}

/** Lists and whole objects cannot be told from a list of alternatives: patterns name the parts instead. */
export function patternable(field: Field): boolean {
  return !(field.type === 'leaf' && ['array', 'object'].includes(String(field.schema['type'])));
}

function patternFields(field: Field): Record<string, Field> {
  return Object.fromEntries(Object.entries(innerFields(field)).filter(([, inner]) => patternable(inner)));
}
