/**
 * A file of JSON or YAML that is hostile until read: size, depth, syntax with line and column, keys given twice. JSON may
 * have comments and trailing commas.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { printParseErrorCode, visit } from 'jsonc-parser';
import { sha256 } from '../files';
import { UserError, userError, type Problem } from '../problems';
import { pointer } from './content';
import { parseYaml, yamlSizeLimit } from './parseYaml';

/** Largest manifest in bytes; the largest sweep imaginable needs a hundredth of it. */
export const sizeLimit = 1_000_000;
/** Deepest nesting; a manifest needs eight. */
const depthLimit = 32;

/** The name under which standard input is read in place of a file. */
export const standardInput = '-';

/** Endings of the files of manifests. */
export const documentEndings = ['.json', '.jsonc', '.yaml', '.yml'] as const;

export interface DocumentFile {
  value: unknown;
  /** of the bytes as they were read */
  sha256: string;
}

/**
 * Reads and parses a file: YAML by its ending, else JSON; of standard input JSON where it begins with a brace or a comment
 * of JSON, else YAML.
 * @throws UserError when it is not a regular file, too large, too deep, not UTF-8, not JSON or YAML, or names a key twice
 */
export function readDocument(path: string): DocumentFile {
  const where = path === standardInput ? 'standard input' : path;
  const bytes = path === standardInput ? readOpen(0, where) : readRegularFile(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw userError({ where, what: 'is not UTF-8 text', expected: 'a manifest in UTF-8' });
  }
  const isYaml = path === standardInput ? !/^\s*(?:[{/]|$)/.test(text) : isYamlFile(path);
  return { value: isYaml ? yamlValue(where, text) : jsonValue(where, text), sha256: sha256(bytes) };
}

/** Whether a file is read as YAML. */
export const isYamlFile = (path: string): boolean => /\.ya?ml$/i.test(path);

/** The value of a text of JSON with comments and trailing commas. Throws UserError. */
function jsonValue(where: string, text: string): unknown {
  checkDepth(where, text);
  const { problems, json } = plainJson(where, text);
  if (problems.length > 0) throw new UserError(problems);
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw userError({
      where,
      what: `is not JSON (${error instanceof Error ? error.message : String(error)})`,
      expected: 'JSON',
    });
  }
}

/** The value of a text of YAML. Throws UserError. */
function yamlValue(where: string, text: string): unknown {
  if (text.length > yamlSizeLimit)
    throw userError({ where, what: `has ${text.length} letters`, expected: `at most ${yamlSizeLimit} of YAML` });
  const read = parseYaml(where, text, depthLimit);
  if (read.problems !== null) throw new UserError(read.problems);
  return read.value;
}

/** All that an open file has, up to the limit. Throws UserError for more. */
function readOpen(file: number, where: string): Buffer {
  const bytes = Buffer.alloc(sizeLimit + 1);
  let size = 0;
  for (let got = 0; size < bytes.length; size += got) {
    try {
      got = readSync(file, bytes, size, bytes.length - size, null);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EOF') break;
      if (code !== 'EAGAIN') throw userError({ where, what: `cannot be read (${code})`, expected: 'a manifest' });
      // A terminal or pipe without anything yet: waited for, as a reader of files waits.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      got = 0;
      continue;
    }
    if (got === 0) break;
  }
  if (size > sizeLimit) throw userError({ where, what: 'has no end', expected: `at most ${sizeLimit} bytes` });
  return bytes.subarray(0, size);
}

function readRegularFile(path: string): Buffer {
  let file: number;
  try {
    // Non-blocking, so that a pipe is found out instead of waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EACCES: 'may not be read',
      ENAMETOOLONG: 'the name is too long',
      ENOTDIR: 'there is no such file',
    };
    throw userError({
      where: path,
      what: reasons[code] ?? `cannot be opened (${code})`,
      expected: 'the path of a manifest, e.g. experiments/quickstart.json',
    });
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile())
      throw userError({
        where: path,
        what: facts.isDirectory() ? 'is a folder' : 'is not a regular file',
        expected: 'a manifest file',
      });
    if (facts.size > sizeLimit)
      throw userError({ where: path, what: `has ${facts.size} bytes`, expected: `at most ${sizeLimit}` });
    return readOpen(file, path);
  } finally {
    closeSync(file);
  }
}

/** Counts brackets outside of strings and comments, before any recursive reader sees the text. */
function checkDepth(path: string, text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') at++;
      else if (letter === '"' || letter === '\n') inString = false;
    } else if (letter === '"') inString = true;
    else if (text.startsWith('//', at)) at = endOf(text, '\n', at);
    else if (text.startsWith('/*', at)) at = endOf(text, '*/', at + 2);
    else if (letter === '{' || letter === '[') {
      if (++depth > depthLimit)
        throw userError({
          where: `${path}:${lineAndColumn(text, at)}`,
          what: `is nested more than ${depthLimit} deep`,
          expected: 'a manifest',
        });
    } else if (letter === '}' || letter === ']') depth--;
  }
}

/** The last letter of what comes next, or of the text. */
const endOf = (text: string, next: string, from: number): number => {
  const found = text.indexOf(next, from);
  return found < 0 ? text.length : found + next.length - 1;
};

function lineAndColumn(text: string, at: number): string {
  const before = text.slice(0, at);
  return `${before.split('\n').length}:${at - before.lastIndexOf('\n')}`;
}

const faults: Record<string, string> = {
  InvalidSymbol: 'a word or sign that JSON does not have',
  InvalidNumberFormat: 'not a number of JSON',
  PropertyNameExpected: 'no key in double quotes here',
  ValueExpected: 'no value here',
  ColonExpected: 'no colon after the key',
  CommaExpected: 'no comma here',
  CloseBraceExpected: 'a brace { is not closed',
  CloseBracketExpected: 'a bracket [ is not closed',
  EndOfFileExpected: 'more text after the end of the JSON',
  InvalidCommentToken: 'a comment that is none',
  UnexpectedEndOfComment: 'a comment is not closed',
  UnexpectedEndOfString: 'a string is not closed',
  UnexpectedEndOfNumber: 'a number is cut off',
  InvalidUnicode: 'a \\u without four hexadecimal digits',
  InvalidEscapeCharacter: 'an unknown \\ sequence in a string',
  InvalidCharacter: 'a control character in a string',
};

/** The same text as JSON without comments and trailing commas, which become spaces, or what is wrong with it. */
function plainJson(path: string, text: string): { problems: Problem[]; json: string } {
  let firstFault: Problem | undefined;
  const twice: Problem[] = [];
  const keys: Set<string>[] = [];
  const extra: { offset: number; length: number }[] = [];
  /** place of a comma after which nothing has come */
  let comma: number | null = null;
  const end = () => {
    if (comma !== null) extra.push({ offset: comma, length: 1 });
    comma = null;
  };
  visit(
    text,
    {
      onObjectBegin: () => {
        comma = null;
        keys.push(new Set());
      },
      onObjectEnd: () => {
        end();
        keys.pop();
      },
      onArrayBegin: () => {
        comma = null;
      },
      onArrayEnd: end,
      onLiteralValue: () => {
        comma = null;
      },
      onSeparator: (character, offset) => {
        if (character === ',') comma = offset;
      },
      onComment: (offset, length) => extra.push({ offset, length }),
      onObjectProperty: (key, _offset, _length, line, character, parents) => {
        comma = null;
        const seen = keys.at(-1);
        if (seen?.has(key) === true) {
          twice.push({
            where: `${path} ${pointer('', ...parents(), key)}`,
            what: `the key "${key.slice(0, 80)}" is given twice (again on line ${line + 1}, column ${character + 1})`,
            expected: 'each key once',
          });
        }
        seen?.add(key);
      },
      // Later faults follow from the first.
      onError: (code, _offset, _length, line, character) => {
        const name = printParseErrorCode(code);
        firstFault ??= {
          where: `${path}:${line + 1}:${character + 1}`,
          what: `is not JSON on line ${line + 1}, column ${character + 1}: ${faults[name] ?? name}`,
          expected: 'JSON',
        };
      },
    },
    { disallowComments: false, allowTrailingComma: true },
  );
  return { problems: firstFault === undefined ? twice : [firstFault], json: without(text, extra) };
}

/** The text with spaces in these places; line feeds stay. */
function without(text: string, extra: readonly { offset: number; length: number }[]): string {
  if (extra.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const { offset, length } of [...extra].sort((a, b) => a.offset - b.offset)) {
    parts.push(text.slice(from, offset), text.slice(offset, offset + length).replace(/[^\r\n]/g, ' '));
    from = offset + length;
  }
  return [...parts, text.slice(from)].join('');
}
