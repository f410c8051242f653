/** TypeScript and JavaScript of a user's folder as modules: compiled, run, and hashed with all that they import. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { compileFunction } from 'node:vm';
import { contentOf } from './codeContent';
import { canonicalJson, sha256 } from './files';
import { userError } from './problems';

const nodeRequire = createRequire(__filename);

interface LoadedFile {
  exports: unknown;
  text: string;
  /** files of the folder that it imports itself */
  imports: Set<string>;
}

export interface ModuleFolder {
  /** What a file exports. Throws UserError for one that cannot be compiled, or imports what it may not. */
  load(path: string): Record<string, unknown>;
  /**
   * sha256 of what a loaded file says, without its form, if it imports none; else over the hashes of all files that it
   * needs, by their paths in the folder. Files named in `more` count with their bytes.
   */
  hashOf(path: string, more: readonly string[]): string;
  /** From now on no further file is read: what is not hashed cannot enter a run. */
  seal(): void;
}

/** The modules of a folder. `root` must be a real path; `given`: what they may import by name. */
export function moduleFolder(root: string, given: Readonly<Record<string, unknown>>): ModuleFolder {
  const files = new Map<string, LoadedFile>();
  let sealed = false;

  const load = (path: string): LoadedFile => {
    const known = files.get(path);
    if (known !== undefined) return known;
    if (sealed)
      throw userError({ where: path, what: 'is imported only while runs are trained', hint: 'import it at the top' });
    const text = readFileSync(path, 'utf8');
    const module = { exports: {} as unknown };
    const file: LoadedFile = {
      get exports() {
        return module.exports;
      },
      text,
      imports: new Set(),
    };
    files.set(path, file);
    if (extname(path) === '.json') module.exports = JSON.parse(text) as unknown;
    else {
      const names = ['exports', 'require', 'module', '__filename', '__dirname'];
      const run = compileFunction(compiled(path, text), names, { filename: path }) as (...given: unknown[]) => void;
      run(module.exports, requireOf(path, file), module, path, dirname(path));
    }
    return file;
  };

  const requireOf = (path: string, file: LoadedFile) => (name: string) => {
    if (Object.hasOwn(given, name)) return given[name];
    if (isBuiltin(name)) return nodeRequire(name) as unknown;
    const wanted = name.startsWith('.') ? resolve(dirname(path), name) : null;
    const found = wanted === null ? undefined : [wanted, ...endings.map((end) => wanted + end)].find(isFile);
    if (found === undefined)
      throw userError({
        where: path,
        what: `imports ${JSON.stringify(name)}`,
        expected: [...Object.keys(given), 'a module of Node', 'a file of the same folder'].join(' or '),
      });
    const inner = inside(root, realpathSync(found), path);
    file.imports.add(inner);
    return load(inner).exports;
  };

  return {
    load: (path) => Object(load(path).exports) as Record<string, unknown>,
    hashOf(path, more) {
      const needed = new Set([path]);
      for (const each of needed) for (const inner of files.get(each)?.imports ?? []) needed.add(inner);
      const hashes = [...needed].map((each) => [relative(root, each), hashed(files.get(each)!, each)] as const);
      const others = more.map((name) => [name, sha256(readFileSync(extraFile(root, name, path)))] as const);
      const all = [...hashes, ...others];
      return all.length === 1 ? all[0]![1] : sha256(canonicalJson(Object.fromEntries(all)));
    },
    seal: () => {
      sealed = true;
    },
  };
}

const hashed = ({ text }: LoadedFile, path: string): string => sha256(contentOf(text, path));

const endings = ['.ts', '.js', '.cjs', '.json'];
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** The path, if it lies in the folder; a part that needs others would have an identity that says too little. */
function inside(root: string, path: string, where: string): string {
  if (path.startsWith(root + sep)) return path;
  throw userError({ where, what: `needs ${path}`, expected: 'files of the same folder only: their content is hashed' });
}

function extraFile(root: string, name: string, where: string): string {
  const path = join(root, name);
  if (!isFile(path)) throw userError({ where, what: `names ${JSON.stringify(name)} in \`files\`, which is no file` });
  return inside(root, realpathSync(path), where);
}

/** CommonJS of a TypeScript or JavaScript file; its types are not checked. Throws UserError with place and fault. */
function compiled(path: string, text: string): string {
  const { transformSync } = nodeRequire('@swc/core') as typeof import('@swc/core');
  try {
    return transformSync(text, {
      filename: path,
      sourceMaps: 'inline',
      swcrc: false,
      module: { type: 'commonjs', strictMode: true, ignoreDynamic: true },
      jsc: { target: 'es2022', parser: { syntax: extname(path) === '.ts' ? 'typescript' : 'ecmascript' } },
    }).code;
  } catch (error) {
    const lines = stripVTControlCharacters(error instanceof Error ? error.message : String(error)).split('\n');
    const place = lines.map((line) => /:(\d+):\d+\]/.exec(line)?.[1]).find((line) => line !== undefined);
    const fault = lines.map((line) => /^\s*[x×]\s+(.*)$/.exec(line)?.[1]).find((line) => line !== undefined);
    throw userError({
      where: place === undefined ? path : `${path}:${place}`,
      what: `cannot be compiled: ${fault ?? lines[0] ?? ''}`,
      expected: 'TypeScript or JavaScript',
    });
  }
}
