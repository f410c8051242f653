/**
 * Checks against the JSON Schemas, with faults as problems that a person can act on. Schemas are compiled on first use.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import { show } from '../printable';
import type { Problem } from '../problems';
import { pointer } from './content';
import { nearestName } from '../nearest';
import { manifestSchema, runSchema, slurmProfileSchema } from './schema';
import { profileOnlyNames } from './slurm';
import { tasks } from './names';
import taskSchema from './task.schema.json';
import { ownTaskNames } from './taskNames';
import { isTree, type Tree } from './tree';

/** A problem with the place in the file kept apart, so that other rules can tell what is already known to be wrong. */
export interface Fault extends Omit<Problem, 'where'> {
  /** JSON pointer */
  place: string;
}

const compiled = new Map<string, ValidateFunction>();

const schemas = {
  manifest: () => manifestSchema('known'),
  run: runSchema,
  'slurm-profile': slurmProfileSchema,
  task: (): Tree => taskSchema,
};

/** A schema in which a task may also be one of the user's own, which the published schema cannot know. */
function withOwnTasks(schema: Tree, own: readonly string[]): Tree {
  const builtIn = Object.keys(tasks).join();
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === 'enum' && Array.isArray(value) && value.join() === builtIn ? [...value, ...own] : value,
  ) as Tree;
}

function validator(name: keyof typeof schemas): ValidateFunction {
  const own = name === 'task' ? [] : ownTaskNames();
  const key = [name, ...own].join();
  const known = compiled.get(key);
  if (known !== undefined) return known;
  // Compiling takes a while that commands without a manifest should not pay.
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    discriminator: true,
    allErrors: true,
    verbose: true,
    inlineRefs: false,
    validateSchema: false,
    code: { optimize: false },
  });
  const made = ajv.compile(own.length === 0 ? schemas[name]() : withOwnTasks(schemas[name](), own));
  compiled.set(key, made);
  return made;
}

/** Every fault of a parsed manifest file against the published schema. */
export function schemaFaults(content: unknown): Fault[] {
  return faultsOf('manifest', content);
}

/**
 * Every fault of a run with its defaults, e.g. an option that its scheduler does not have. Places are pointers into the
 * run.
 */
export function runFaults(run: Tree): Fault[] {
  return faultsOf('run', run);
}

/** Every fault of a parsed file for --slurm-profile. */
export function slurmProfileFaults(content: unknown): Fault[] {
  return faultsOf('slurm-profile', content);
}

/** Every fault of a parsed task manifest. */
export function taskFaults(content: unknown): Fault[] {
  return faultsOf('task', content);
}

function faultsOf(name: keyof typeof schemas, value: unknown): Fault[] {
  const validate = validator(name);
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  const hidden = errors.filter((error) => error.keyword === 'anyOf').flatMap(otherBranches);
  const shown = errors.filter(
    (error) =>
      !['anyOf', 'oneOf', 'if'].includes(error.keyword) &&
      !hidden.some(
        (branch) => error.schemaPath.startsWith(branch.schemaPath) && within(error.instancePath, branch.instancePath),
      ),
  );
  const faults = [...shown.map(faultOf), ...errors.filter((error) => error.keyword === 'anyOf').flatMap(noBranch)];
  const unique = new Map(faults.map((fault) => [`${fault.place} ${fault.what}`, fault]));
  return [...unique.values()];
}

function within(place: string, outer: string): boolean {
  return place === outer || place.startsWith(`${outer}/`);
}

/** The alternative of an anyOf that the value's type points at; -1 when it fits none. */
function meantBranch(error: ErrorObject): number {
  const branches = error.schema as Tree[];
  return branches.findIndex((branch) => fitsType(branch, error.data));
}

function fitsType(schema: Tree, value: unknown): boolean {
  if (Array.isArray(schema['anyOf'])) return (schema['anyOf'] as Tree[]).some((inner) => fitsType(inner, value));
  switch (schema['type']) {
    case 'integer':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isTree(value);
    case undefined:
      return isTree(value);
    default:
      return typeof value === schema['type'];
  }
}

/** The errors of the alternatives that were not meant say nothing. */
function otherBranches(error: ErrorObject): { schemaPath: string; instancePath: string }[] {
  const meant = meantBranch(error);
  return (error.schema as unknown[]).flatMap((_, index) =>
    index === meant ? [] : [{ schemaPath: `${error.schemaPath}/${index}/`, instancePath: error.instancePath }],
  );
}

function noBranch(error: ErrorObject): Fault[] {
  if (meantBranch(error) >= 0) return [];
  const expected = (error.schema as Tree[]).map(describeType).join(' or ');
  return [{ place: error.instancePath, what: `${show(error.data)} has the wrong type`, expected }];
}

function describeType(schema: Tree): string {
  if (Array.isArray(schema['enum'])) return `one of ${list(schema['enum'].map(String))}`;
  if (isTree(schema['discriminator'])) return `an object with "${String(schema['discriminator']['propertyName'])}"`;
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

function faultOf(error: ErrorObject): Fault {
  const { keyword, data } = error;
  const place = error.instancePath;
  const params = error.params as Tree;
  const schema = error.parentSchema as Tree;
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const known = Object.keys((schema['properties'] ?? {}) as Tree);
      const value = isTree(data) ? data[key] : undefined;
      if (known.length === 0)
        return {
          place: pointer(place, key),
          what: `the name ${show(key)} cannot be used`,
          expected:
            place === '/environment' ? 'letters, digits and underscores' : 'small letters, digits, dots and hyphens',
        };
      if (place === '/slurm' && profileOnlyNames.includes(key))
        return {
          place: pointer(place, key),
          what: `a manifest may not bring "${key}" along`,
          expected: 'it in a file of your own',
          hint: 'give that file with --slurm-profile (docs/slurm.md)',
        };
      return {
        place: pointer(place, key),
        what: `unknown key ${show(key)} with value ${show(value)}`,
        expected: `one of ${list(known)}`,
        hint: suggestion(key, known),
      };
    }
    case 'required': {
      const name = String(params['missingProperty']);
      return { place: pointer(place, name), what: `"${name}" is missing`, expected: `a value for ${name}` };
    }
    case 'discriminator':
      return discriminatorFault(error);
    case 'enum': {
      const valid = (params['allowedValues'] as unknown[]).map(String);
      return {
        place,
        what: `unknown value ${show(data)}`,
        expected: `one of ${list(valid)}`,
        hint: typeof data === 'string' ? (suggestion(data, valid) ?? elsewhere(place)) : undefined,
      };
    }
    case 'const':
      return { place, what: `unknown value ${show(data)}`, expected: show(params['allowedValue']) };
    case 'type':
      return { place, what: `${show(data)} has the wrong type`, expected: describeType(schema) };
    case 'minItems':
      return {
        place,
        what: Array.isArray(data) && data.length === 0 ? 'the list is empty' : `${show(data)} is too short`,
        expected: `at least ${String(params['limit'])} value`,
      };
    case 'minProperties':
      return { place, what: 'the object is empty', expected: 'at least one key' };
    case 'maxProperties':
      return {
        place,
        what: `${isTree(data) ? Object.keys(data).length : 0} keys are given (${isTree(data) ? list(Object.keys(data)) : ''})`,
        expected: `at most ${String(params['limit'])}`,
      };
    case 'maxItems':
      return {
        place,
        what: `the list has ${Array.isArray(data) ? data.length : 0} values`,
        expected: `at most ${String(params['limit'])}`,
      };
    case 'uniqueItems':
      return { place, what: `${show(data)} names something twice`, expected: 'each once' };
    case 'minLength':
      return { place, what: 'the text is empty', expected: 'a text' };
    case 'maxLength':
      return {
        place,
        what: `the text is too long: ${show(data)}`,
        expected: `at most ${String(params['limit'])} letters`,
      };
    case 'pattern':
      return {
        place,
        what: `${show(data)} cannot be used`,
        expected:
          place === '/name'
            ? 'small letters, digits, dots and hyphens'
            : `text like ${Array.isArray(schema['examples']) ? schema['examples'].map(show).join(' or ') : String(params['pattern'])}`,
      };
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return { place, what: `${show(data)} is out of range`, expected: range(schema) };
    default:
      return { place, what: `${show(data)}: ${error.message ?? keyword}` };
  }
}

function discriminatorFault(error: ErrorObject): Fault {
  const tag = String((error.params as Tree)['tag']);
  const valid = ((error.parentSchema as Tree)['oneOf'] as Tree[]).map((option) =>
    String(((option['properties'] as Tree)[tag] as Tree)['const']),
  );
  const given = isTree(error.data) ? error.data[tag] : undefined;
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
  /\b(scheduler|connector|encoder)\b/.test(place) ? 'a part of your own is found by --parts <folder>' : undefined;

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
