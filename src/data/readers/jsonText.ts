/**
 * JSON of question files: whole numbers beyond 2^53 are kept as they are written, keys that come twice are told, and
 * depth is bounded.
 */

/** Brackets inside brackets; published question files have at most six. */
const deepest = 64;

/** A key that an object has twice; JSON itself would keep the last silently. */
export interface RepeatedKey {
  key: string;
  /** 1: of the outermost value */
  depth: number;
  /** from 1 */
  line: number;
}

export interface JsonText {
  value: unknown;
  repeated: RepeatedKey[];
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The value of a JSON text. A number that is beyond 2^53 in size becomes the text that stands there, because two such
 * numbers may be one to JavaScript. Throws SyntaxError for what is no JSON or is nested more than 64 deep.
 */
export function parseJson(text: string): JsonText {
  const repeated: RepeatedKey[] = [];
  const open: (Set<string> | null)[] = []; // keys of each object, null for lists
  const parts: string[] = [];
  let copied = 0;
  let lines: { at: number; line: number } = { at: 0, line: 1 };
  const lineOf = (at: number): number => {
    let { line } = lines;
    for (let i = lines.at; i < at; i++) if (text.charCodeAt(i) === 10) line += 1;
    lines = { at, line };
    return line;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys instanceof Set && isKey(text, end)) {
        const key = keyOf(text.slice(at, end + 1));
        if (keys.has(key)) repeated.push({ key, depth: open.length, line: lineOf(at) });
        keys.add(key);
      }
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      open.push(code === 0x7b ? new Set() : null);
      if (open.length > deepest) throw new SyntaxError(`nested more than ${deepest} deep at line ${lineOf(at)}`);
    } else if (code === 0x7d || code === 0x5d) open.pop();
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      number.lastIndex = at;
      const written = number.exec(text)?.[0] ?? '';
      if (written.length > 4 && !(Math.abs(Number(written)) <= Number.MAX_SAFE_INTEGER)) {
        parts.push(text.slice(copied, at), `"${written}"`);
        copied = at + written.length;
      }
      at += Math.max(0, written.length - 1);
    }
  }
  if (copied === 0) return { value: parsed(text), repeated };
  try {
    return { value: JSON.parse(parts.join('') + text.slice(copied)) as unknown, repeated };
  } catch {
    return { value: parsed(text), repeated }; // says the place in the text as it stands
  }
}

/** The place of the closing quote, or of the end. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i += 1;
    else if (code === 0x22) return i;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return text.charCodeAt(at) === 0x3a;
}

function keyOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}

/** JSON.parse, whose messages give a place as a count of characters, with the line instead. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const message = (error as Error).message;
    const at = / at position (\d+)/.exec(message)?.[1];
    const line = at === undefined ? '' : `, line ${text.slice(0, Number(at)).split('\n').length}`;
    throw new SyntaxError(message + line);
  }
}
