/**
 * Emscripten file bundles: one `.data` file that holds several files end to end, and a `.js` file beside it whose
 * `loadPackage({"files": [{"filename", "start", "end"}], "remote_package_size"})` call says where each begins.
 * Both files are hostile until checked: the script is searched for that one JSON literal and never run.
 */
import { show } from '../printable';
import { userError } from '../problems';

interface BundleEntry {
  filename: string;
  start: number;
  end: number;
}

function isEntry(value: unknown): value is BundleEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { filename, start, end } = value as Record<string, unknown>;
  return typeof filename === 'string' && Number.isSafeInteger(start) && Number.isSafeInteger(end);
}

/** The JSON object literal that begins at `from` (an opening brace), by counting braces outside strings. */
function objectLiteral(text: string, from: number): string {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return text.slice(from, at + 1);
  }
  return '';
}

/**
 * The files of an Emscripten bundle as views on `data`, by name without the leading slash.
 * Throws UserError when the script names no files, a range leaves the data, ranges overlap or names repeat.
 */
export function unpackBundle(script: string, data: Uint8Array, where: string): Map<string, Uint8Array> {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the package again' });
  const call = script.indexOf('loadPackage({"files":');
  if (call < 0) throw bad('no list of bundled files', 'a loadPackage({"files": ...}) call');
  let list: unknown;
  try {
    list = JSON.parse(objectLiteral(script, call + 'loadPackage('.length));
  } catch {
    throw bad('the list of bundled files is not JSON', 'an object literal in JSON form');
  }
  const { files, remote_package_size: size } = list as Record<string, unknown>;
  if (!Array.isArray(files) || !files.every(isEntry))
    throw bad('the list of bundled files is malformed', 'entries of filename, start, end');
  if (size !== data.length) throw bad(`the bundle has ${data.length} bytes`, `${show(size)}, as the script says`);
  const found = new Map<string, Uint8Array>();
  let last = 0;
  for (const { filename, start, end } of [...files].sort((a, b) => a.start - b.start)) {
    const name = filename.replace(/^\//, '');
    if (start < last || end < start || end > data.length)
      throw bad(
        `file ${JSON.stringify(filename)} lies at ${start} to ${end}`,
        `a range of its own between ${last} and ${data.length}`,
      );
    if (found.has(name)) throw bad(`file ${JSON.stringify(filename)} is listed twice`, 'different names');
    found.set(name, data.subarray(start, end));
    last = end;
  }
  return found;
}
