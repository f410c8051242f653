/**
 * The code of a built-in part: the file that defines it with all that it imports of the room, each as a hash that
 * neither formatting nor comments nor types move. Code that counts as the same stands in knownCode.json; all other
 * enters the identity of the runs that use it.
 */
import { readFileSync, statSync } from 'node:fs';
import { extname, join, posix, relative, sep } from 'node:path';
import { contentOf } from '../codeContent';
import { isCheckout, projectRoot, sha256 } from '../files';
import known from './knownCode.json';

/** Hashes by file, e.g. `src/balance/schedulers/commit.ts`. */
export type Code = Readonly<Record<string, string>>;

/** Of one file: its hash (16 hexadecimal digits), and the files of this project that it imports. */
export interface FileCode {
  sha256: string;
  imports: readonly string[];
}

/** Where a package keeps the code of its files (`npm run build`): it has no TypeScript to read them from. */
export const builtCode = join('dist', 'code.json');

/** What of the files that a part imports belongs to it. */
export interface PartRoom {
  /** beginnings of paths; what is imported from elsewhere is every run's, and the method's version stands for it */
  rooms: readonly string[];
  /** lists of parts: importing one makes no part need all others */
  lists: readonly string[];
}

const digits = 16;

/** A module's own path in the project, wherever it was compiled to. */
export function projectPath(filename: string): string {
  const path = relative(join(__dirname, '..', '..'), filename)
    .split(sep)
    .join('/');
  return path.replace(/\.js$/, '.ts');
}

/**
 * The code of parts, by file, sorted; `files` are theirs as `__filename` says it, undefined for those from outside this
 * repository. Throws the system's error for a file that is not there.
 */
export function codeOf(files: readonly (string | undefined)[], { rooms, lists }: PartRoom): Code {
  const needed = new Set(files.flatMap((file) => (file === undefined ? [] : [projectPath(file)])));
  for (const each of needed)
    for (const path of fileCode(each).imports)
      if (rooms.some((room) => path.startsWith(room)) && !lists.includes(path)) needed.add(path);
  return Object.fromEntries([...needed].sort().map((path) => [path, fileCode(path).sha256]));
}

/** A list of known code: by file the hashes that count as the same, led by what identities say of them. */
export type KnownCode = Readonly<Record<string, readonly [said: string | null, ...same: string[]]>>;

/** The list that is kept with the project, and the version of the method that it belongs to. */
export const knownCode = known as unknown as { methodVersion: string; files: KnownCode };

/**
 * What an identity says of some code; undefined where it says nothing. A file's own hash, unless it is listed: then the
 * first of the list, which is null for the files from before identities knew of code.
 */
export function saidCode(code: Code, list: KnownCode = knownCode.files): Code | undefined {
  const said = Object.entries(code).flatMap(([file, hash]) => {
    const [first, ...same] = list[file] ?? [hash];
    const says = first === hash || same.includes(hash) ? first : hash;
    return says === null ? [] : [[file, says] as const];
  });
  return said.length === 0 ? undefined : Object.fromEntries(said);
}

const codes = new Map<string, FileCode>();

/** The code of a file of this project as it was when this process first asked. */
export function fileCode(path: string): FileCode {
  const before = codes.get(path);
  if (before !== undefined) return before;
  const code = isCheckout ? readCode(projectRoot, path) : packagedCode(path);
  codes.set(path, code);
  return code;
}

let packaged: Readonly<Record<string, FileCode>> | undefined;

function packagedCode(path: string): FileCode {
  packaged ??= JSON.parse(readFileSync(join(projectRoot, builtCode), 'utf8')) as Readonly<Record<string, FileCode>>;
  const code = packaged[path];
  if (code === undefined) throw new Error(`${builtCode} lacks ${path}`);
  return code;
}

/** The code of a file below a root. Throws the system's error when it is not there, and the compiler's. */
export function readCode(root: string, path: string): FileCode {
  const code = contentOf(readFileSync(join(root, path), 'utf8'), path);
  if (extname(path) === '.json') return { sha256: hashed(code), imports: [] };
  // Whatever stands in quotes behind `from`, `import` or a bracket: more than imports would do no harm.
  const named = [...code.matchAll(/(?:\bfrom|\bimport|\()"(\.[^"]*)"/g)].map(([, name]) => name!);
  const imports = named.flatMap((name) => resolved(root, posix.join(posix.dirname(path), name)) ?? []);
  return { sha256: hashed(code), imports: [...new Set(imports)].sort() };
}

const hashed = (text: string): string => sha256(text).slice(0, digits);

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

const resolved = (root: string, path: string): string | undefined =>
  [path, `${path}.ts`, `${path}/index.ts`].find((each) => isFile(join(root, each)));
