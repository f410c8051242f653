/** A JSON file that is hostile until read: size, depth, syntax with line and column, keys given twice. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { printParseErrorCode, visit } from 'jsonc-parser';
import { sha256 } from '../files';
import { UserError, userError, type Problem } from '../problems';
import { pointer } from './content';

/** Largest manifest in bytes; the largest sweep imaginable needs a hundredth of it. */
export const sizeLimit = 1_000_000;
/** Deepest nesting; a manifest needs eight. */
const depthLimit = 32;

export interface JsonFile {
  value: unknown;
  /** of the bytes on disk */
  sha256: string;
}

/**
 * Reads and parses a JSON file.
 * @throws UserError when it is not a regular file, too large, too deep, not UTF-8, not JSON, or names a key twice
 */
export function readJsonFile(path: string): JsonFile {
  const bytes = readRegularFile(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw userError({ where: path, what: 'is not UTF-8 text', expected: 'a JSON file in UTF-8' });
  }
  checkDepth(path, text);
  const problems = syntaxProblems(path, text);
  if (problems.length > 0) throw new UserError(problems);
  try {
    return { value: JSON.parse(text), sha256: sha256(bytes) };
  } catch (error) {
    throw userError({
      where: path,
      what: `is not JSON (${error instanceof Error ? error.message : String(error)})`,
      expected: 'JSON',
    });
  }
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
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Counts brackets outside of strings, before any recursive reader sees the text. */
function checkDepth(path: string, text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') at++;
      else if (letter === '"' || letter === '\n') inString = false;
    } else if (letter === '"') inString = true;
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
  InvalidCommentToken: 'a comment, which JSON does not have',
  UnexpectedEndOfComment: 'a comment, which JSON does not have',
  UnexpectedEndOfString: 'a string is not closed',
  UnexpectedEndOfNumber: 'a number is cut off',
  InvalidUnicode: 'a \\u without four hexadecimal digits',
  InvalidEscapeCharacter: 'an unknown \\ sequence in a string',
  InvalidCharacter: 'a control character in a string',
};

function syntaxProblems(path: string, text: string): Problem[] {
  let firstFault: Problem | undefined;
  const twice: Problem[] = [];
  const keys: Set<string>[] = [];
  visit(
    text,
    {
      onObjectBegin: () => {
        keys.push(new Set());
      },
      onObjectEnd: () => {
        keys.pop();
      },
      onObjectProperty: (key, _offset, _length, line, character, parents) => {
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
    { disallowComments: true, allowTrailingComma: false },
  );
  return firstFault === undefined ? twice : [firstFault];
}
