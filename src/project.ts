/**
 * The project that a user works in: the nearest `equipoise.config.json` or `.ts` from the working folder upwards says
 * where its folders are; an environment variable wins over it. Without a config they lie in the checkout, or in the
 * working folder of who has installed the package.
 */
import type { ErrorObject } from 'ajv/dist/2020';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { isCheckout, projectRoot } from './files';
import { nearestName } from './nearest';
import { show } from './printable';
import { UserError, userError, type Problem } from './problems';
import schema from './project.schema.json';
import { moduleFolder } from './userModules';

/** What a config may say: folders, relative to its own. `export default {...} satisfies ProjectConfig` in a .ts file. */
export interface ProjectConfig {
  /** where the schema lies, for editors */
  $schema?: string;
  /** where runs are written and looked for; default `results` */
  results?: string;
  /** where figures, tables and pages are written; default `figures` */
  figures?: string;
  /** manifests and files of one's own tasks; default `tasks` */
  tasks?: string;
  /** published checkpoints of one's own, a folder each; default `checkpoints` */
  checkpoints?: string;
  /** parts of one's own, programs that run with one's rights; `--parts` wins over it */
  parts?: string;
  /** true: finished runs keep the weights after their best validation, as `run --best` asks for; default false */
  keepBest?: boolean;
}

/** The names that a config may have, of which a folder has one at most. */
export const configNames = ['equipoise.config.json', 'equipoise.config.ts'] as const;

const variables = {
  results: 'EQUIPOISE_RESULTS',
  figures: 'EQUIPOISE_FIGURES',
  tasks: 'EQUIPOISE_TASKS',
  checkpoints: 'EQUIPOISE_CHECKPOINTS',
} as const;

/** A folder of every project. */
export type ProjectFolder = keyof typeof variables;

/** The folders, in the order in which they are told. */
export const projectFolders = Object.keys(variables) as ProjectFolder[];

/** Whose word a path is: of an environment variable, of the config, or nobody's. */
export interface Place {
  path: string;
  from: { kind: 'variable'; name: string } | { kind: 'config' } | { kind: 'default' };
}

/** A config as it was found. */
interface Found {
  file: string;
  config: ProjectConfig;
}

const known = new Map<string, Found | null>();

/** The config of the working folder, read once; null where there is none. Throws UserError for one that cannot be used. */
function found(): Found | null {
  const here = process.cwd();
  const before = known.get(here);
  if (before !== undefined) return before;
  const file = nearestConfig(here);
  const now = file === null ? null : { file, config: readConfig(file) };
  known.set(here, now);
  return now;
}

/** Path of the config that counts in the working folder; null where there is none. Throws as `projectPlace`. */
export const configFile = (): string | null => found()?.file ?? null;

/** The folder that the project lies in: that of the config; else the checkout, or the working folder. */
export function projectHome(): string {
  const file = configFile();
  return file === null ? (isCheckout ? projectRoot : process.cwd()) : dirname(file);
}

/** Where a folder of the project is, and who says so. It need not exist. Throws UserError for a config that cannot be used. */
export function projectPlace(folder: ProjectFolder): Place {
  const variable = variables[folder];
  const given = process.env[variable];
  if (given !== undefined && given !== '') return { path: given, from: { kind: 'variable', name: variable } };
  const said = found()?.config[folder];
  if (said !== undefined) return { path: resolve(projectHome(), said), from: { kind: 'config' } };
  return { path: join(projectHome(), folder), from: { kind: 'default' } };
}

/** The same, the path alone. */
export const projectPath = (folder: ProjectFolder): string => projectPlace(folder).path;

/** The folder of one's own parts that the config names; undefined where it names none. Throws as `projectPlace`. */
export function configuredParts(): string | undefined {
  const said = found()?.config.parts;
  return said === undefined ? undefined : resolve(projectHome(), said);
}

/** Whether the config asks for the best weights of every run. Throws as `projectPlace`. */
export const keepsBest = (): boolean => found()?.config.keepBest === true;

/** What the config says of folders that are there, as variables for processes that start elsewhere. */
export function projectVariables(): Record<string, string> {
  if (configFile() === null) return {};
  return Object.fromEntries(
    (['tasks', 'checkpoints'] as const)
      .map((folder) => [variables[folder], resolve(projectPath(folder))] as const)
      .filter(([, path]) => existsSync(path)),
  );
}

/** The nearest config from a folder upwards. Throws UserError where a folder has two, or another user's would count. */
export function nearestConfig(from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const there = configNames.filter((name) => existsSync(join(folder, name)));
    if (there.length > 1)
      throw userError({
        where: folder,
        what: `has two configs, ${there.join(' and ')}`,
        expected: 'one',
        hint: 'remove one',
      });
    const [name] = there;
    if (name !== undefined) return trusted(join(folder, name), from);
    if (dirname(folder) === folder) return null;
  }
}

/**
 * Whoever may write in a folder above could have programs run by putting a config there: it must belong to who runs the
 * command, to whom the working folder belongs, or to the system's administrator.
 */
function trusted(file: string, from: string): string {
  const owner = statSync(file).uid;
  if ([process.getuid?.() ?? owner, statSync(from).uid, 0].includes(owner)) return file;
  throw userError({
    where: file,
    what: 'belongs to another user',
    expected: 'a config of your own, since it may name programs',
    hint: 'work in a folder that is not below it, or make it yours',
  });
}

/** A config's content. Throws UserError with everything that is wrong with it. */
function readConfig(file: string): ProjectConfig {
  const config = extname(file) === '.ts' ? exportedBy(file) : parsed(file);
  const problems = configFaults(file, config);
  if (problems.length > 0) throw new UserError(problems);
  return config as ProjectConfig;
}

/** JSON with comments and a comma after the last entry, as editors write it. */
function parsed(file: string): unknown {
  const { parse, printParseErrorCode } = createRequire(__filename)('jsonc-parser') as typeof import('jsonc-parser');
  const text = readFileSync(file, 'utf8');
  const errors: import('jsonc-parser').ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first === undefined) return value;
  const line = text.slice(0, first.offset).split('\n').length;
  throw userError({
    where: `${file}:${line}`,
    what: `is not JSON (${printParseErrorCode(first.error)})`,
    expected: 'an object of folders, e.g. { "results": "results" }',
  });
}

/** What a config in TypeScript exports. */
function exportedBy(file: string): unknown {
  const path = realpathSync(file);
  try {
    return moduleFolder(dirname(path), {}).load(path)['default'];
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw userError({ where: file, what: error instanceof Error ? error.message : String(error), expected });
  }
}

const expected = 'export default { results: ..., figures: ... }';

/** Everything that is wrong with what a config says. */
function configFaults(file: string, config: unknown): Problem[] {
  const { Ajv2020 } = createRequire(__filename)('ajv/dist/2020') as typeof import('ajv/dist/2020');
  const validate = new Ajv2020({ allErrors: true, verbose: true }).compile(schema);
  if (!validate(config)) return (validate.errors ?? []).map((error) => schemaFault(file, error));
  return Object.entries(config as ProjectConfig).flatMap(([key, value]) =>
    key === '$schema' || typeof value !== 'string' ? [] : folderFaults(file, key, resolve(dirname(file), value)),
  );
}

function schemaFault(file: string, { keyword, instancePath, params, data, message }: ErrorObject): Problem {
  const names = Object.keys(schema.properties).filter((name) => name !== '$schema');
  switch (keyword) {
    case 'additionalProperties': {
      const key = String((params as Record<string, unknown>)['additionalProperty']);
      const near = nearestName(key, names);
      return {
        where: `${file} /${key}`,
        what: `unknown key ${show(key)}`,
        expected: `one of ${names.join(', ')}`,
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      };
    }
    case 'type':
      return instancePath === ''
        ? {
            where: file,
            what: `says ${show(data)}`,
            expected: extname(file) === '.ts' ? expected : 'an object of folders',
          }
        : {
            where: `${file} ${instancePath}`,
            what: `${show(data)} has the wrong type`,
            expected: instancePath === '/keepBest' ? 'true or false' : 'a text, the name of a folder',
          };
    case 'minLength':
      return { where: `${file} ${instancePath}`, what: 'the text is empty', expected: 'the name of a folder' };
    default:
      return { where: `${file} ${instancePath}`, what: message ?? keyword };
  }
}

/** Folders that are written to are made; those that are read from must be there. */
function folderFaults(file: string, key: string, path: string): Problem[] {
  const where = `${file} /${key}`;
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry !== undefined)
    return entry.isDirectory() ? [] : [{ where, what: `${path} is a file`, expected: 'a folder' }];
  return ['results', 'figures'].includes(key)
    ? []
    : [{ where, what: `there is no folder ${path}`, expected: 'a folder', hint: 'make it, or leave the key out' }];
}
