/** What a fault that the JSON Schemas found says to a person: where, what, what would be right, and a hint. */
import { runFields } from './fields';
import type { ErrorObject } from 'ajv/dist/2020';
import { nearestName } from '../nearest';
import { show } from '../printable';
import type { Problem } from '../problems';
import { pointer } from './content';
import { profileOnlyNames } from './slurm';
import { isObject } from '../json';
import type { Tree } from './tree';

/** A problem with the place in the file kept apart, so that other rules can tell what is already known to be wrong. */
export interface Fault extends Omit<Problem, 'where'> {
  /** JSON pointer */
  place: string;
}

/** What a fault says; its place is that of the error where nothing else is said. */
type Said = Omit<Fault, 'place'> & { place?: string };

/** The fault that an error of the validator is. */
export function faultOf(error: ErrorObject): Fault {
  const said = faults[error.keyword];
  if (said === undefined)
    return { place: error.instancePath, what: `${show(error.data)}: ${error.message ?? error.keyword}` };
  return { place: error.instancePath, ...said(error) };
}

const parametersOf = (error: ErrorObject): Tree => error.params as Tree;
const schemaOf = (error: ErrorObject): Tree => error.parentSchema as Tree;
const atMost = (error: ErrorObject): string => `at most ${String(parametersOf(error)['limit'])}`;
const outOfRange = (error: ErrorObject): Said => ({
  what: `${show(error.data)} is out of range`,
  expected: range(schemaOf(error)),
});

/** By the keyword of the schema that refused the value. */
const faults: Readonly<Record<string, (error: ErrorObject) => Said>> = {
  additionalProperties: unknownKey,
  discriminator: unknownKind,
  required: (error) => {
    const name = String(parametersOf(error)['missingProperty']);
    const place = pointer(error.instancePath, name);
    return { place, what: `"${name}" is missing`, expected: `a value for ${name}` };
  },
  enum: ({ params, data, instancePath }) => {
    const valid = ((params as Tree)['allowedValues'] as unknown[]).map(String);
    return {
      what: `unknown value ${show(data)}`,
      expected: `one of ${list(valid)}`,
      hint: typeof data === 'string' ? (suggestion(data, valid) ?? elsewhere(instancePath)) : undefined,
    };
  },
  const: (error) => ({
    what: `unknown value ${show(error.data)}`,
    expected: show(parametersOf(error)['allowedValue']),
  }),
  type: (error) => ({ what: `${show(error.data)} has the wrong type`, expected: describeType(schemaOf(error)) }),
  minItems: (error) => ({
    what:
      Array.isArray(error.data) && error.data.length === 0 ? 'the list is empty' : `${show(error.data)} is too short`,
    expected: `at least ${String(parametersOf(error)['limit'])} value`,
  }),
  maxItems: (error) => ({
    what: `the list has ${Array.isArray(error.data) ? error.data.length : 0} values`,
    expected: atMost(error),
  }),
  uniqueItems: ({ data }) => ({ what: `${show(data)} names something twice`, expected: 'each once' }),
  minProperties: () => ({ what: 'the object is empty', expected: 'at least one key' }),
  maxProperties: (error) => {
    const keys = isObject(error.data) ? Object.keys(error.data) : [];
    return { what: `${keys.length} keys are given (${list(keys)})`, expected: atMost(error) };
  },
  minLength: () => ({ what: 'the text is empty', expected: 'a text' }),
  maxLength: (error) => ({
    what: `the text is too long: ${show(error.data)}`,
    expected: `${atMost(error)} letters`,
  }),
  pattern: (error) => {
    const { examples } = schemaOf(error);
    const like = Array.isArray(examples) ? examples.map(show).join(' or ') : String(parametersOf(error)['pattern']);
    return {
      what: `${show(error.data)} cannot be used`,
      expected: error.instancePath === '/name' ? 'small letters, digits, dots and hyphens' : `text like ${like}`,
    };
  },
  minimum: outOfRange,
  maximum: outOfRange,
  exclusiveMinimum: outOfRange,
  exclusiveMaximum: outOfRange,
};

function unknownKey(error: ErrorObject): Said {
  const { data, instancePath } = error;
  const key = String(parametersOf(error)['additionalProperty']);
  const known = Object.keys((schemaOf(error)['properties'] ?? {}) as Tree);
  const place = pointer(instancePath, key);
  if (known.length === 0)
    return {
      place,
      what: `the name ${show(key)} cannot be used`,
      expected:
        instancePath === '/environment' ? 'letters, digits and underscores' : 'small letters, digits, dots and hyphens',
    };
  if (instancePath === '/slurm' && profileOnlyNames.includes(key))
    return {
      place,
      what: `a manifest may not bring "${key}" along`,
      expected: 'it in a file of your own',
      hint: 'give that file with --slurm-profile (docs/slurm.md)',
    };
  return {
    place,
    what: `unknown key ${show(key)} with value ${show(isObject(data) ? data[key] : undefined)}`,
    expected: `one of ${list(known)}`,
    hint: instancePath === '' && Object.hasOwn(runFields, key) ? placeOfField(key, data) : suggestion(key, known),
  };
}

/** Where a manifest says a field of its runs: a list of values varies, one value is fixed. */
const placeOfField = (key: string, data: unknown): string =>
  isObject(data) && Array.isArray(data[key])
    ? `a field of the runs that varies goes into "axes": { ${show(key)}: [...] }`
    : `a field of the runs goes into "fixed": { ${show(key)}: ... }, or as a list into "axes"`;

function unknownKind(error: ErrorObject): Said {
  const tag = String((error.params as Tree)['tag']);
  const valid = ((error.parentSchema as Tree)['oneOf'] as Tree[]).map((option) =>
    String(((option['properties'] as Tree)[tag] as Tree)['const']),
  );
  const given = isObject(error.data) ? error.data[tag] : undefined;
  if (given === undefined)
    return { place: pointer(error.instancePath, tag), what: `"${tag}" is missing`, expected: `one of ${list(valid)}` };
  return {
    place: pointer(error.instancePath, tag),
    what: `unknown value ${show(given)}`,
    expected: `one of ${list(valid)}`,
    hint: typeof given === 'string' ? (suggestion(given, valid) ?? elsewhere(error.instancePath)) : undefined,
  };
}

/** A name that is not known may be that of a part outside this repository. */
const elsewhere = (place: string): string | undefined =>
  /\b(scheduler|regulariser|connector|encoder)\b/.test(place)
    ? 'a part of your own is found by --parts <folder>'
    : undefined;

function range(schema: Tree): string {
  const bounds: [string, string][] = [
    ['minimum', 'at least'],
    ['exclusiveMinimum', 'more than'],
    ['maximum', 'at most'],
    ['exclusiveMaximum', 'less than'],
  ];
  const limits = bounds.flatMap(([key, words]) =>
    schema[key] === undefined ? [] : [`${words} ${String(schema[key])}`],
  );
  return `${schema['type'] === 'integer' ? 'a whole number' : 'a number'}, ${limits.join(', ')}`;
}

/** `did you mean "x"?`, or nothing when no valid name is near. */
export function suggestion(name: string, valid: readonly string[]): string | undefined {
  const nearest = nearestName(name, valid);
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`;
}

function list(names: readonly string[]): string {
  return names.length <= 24 ? names.join(', ') : `${names.slice(0, 20).join(', ')} and ${names.length - 20} more`;
}

/** A type in words. */
export function describeType(schema: Tree): string {
  if (Array.isArray(schema['enum'])) return `one of ${list(schema['enum'].map(String))}`;
  if (isObject(schema['discriminator'])) return `an object with "${String(schema['discriminator']['propertyName'])}"`;
  const types: Record<string, string> = {
    number: 'a number',
    integer: 'a whole number',
    string: 'a text',
    object: 'an object',
    array: 'a list',
    boolean: 'true or false',
  };
  return types[String(schema['type'])] ?? 'an object';
}
