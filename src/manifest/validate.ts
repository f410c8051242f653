/**
 * Checks against the JSON Schemas, with faults as problems that a person can act on. Schemas are compiled on first use.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import { show } from '../printable';
import { describeType, faultOf, type Fault } from './faults';
import { manifestSchema, runSchema, slurmProfileSchema } from './schema';
import { tasks } from './names';
import taskSchema from './task.schema.json';
import { ownTaskNames } from './taskNames';
import { isObject } from '../json';
import type { Tree } from './tree';

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
      return isObject(value);
    case undefined:
      return isObject(value);
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
