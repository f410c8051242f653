/** JSON question files as released: one value, or one value a line. */
import { userError } from '../../problems';
import type { ReleasedFiles } from './files';
import { parseJson, type JsonText } from './jsonText';
import type { Problems } from './record';

/**
 * The value of a JSON file and the keys that it repeats. Throws UserError when the file is missing or is not JSON, with
 * the place of the fault.
 */
export async function readJsonText(files: ReleasedFiles, name: string): Promise<JsonText> {
  const text = await files.text(name);
  try {
    return parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw userError({
      where: name,
      what: `is not JSON (${(error as Error).message.slice(0, 200)})`,
      expected: 'the file as released; fetch it again',
    });
  }
}

/** As readJsonText, where a repeated key is a fault of its line: which of the two values is meant, nobody knows. */
export async function readJson(files: ReleasedFiles, name: string, problems: Problems): Promise<unknown> {
  const { value, repeated } = await readJsonText(files, name);
  for (const { key, line } of repeated) problems.add(`${name}:${line}`, 'a key is there twice', key.slice(0, 80));
  return value;
}

/**
 * The values of a file with one JSON value a line, with their lines; empty lines are passed over, faulty ones noted.
 */
export async function readJsonLines(
  files: ReleasedFiles,
  name: string,
  problems: Problems,
): Promise<{ place: string; value: unknown }[]> {
  const text = (await files.text(name)).replace(/^\uFEFF/, '');
  requireLines(text, name);
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const place = `${name}:${index + 1}`;
    if (line.trim() === '') return [];
    if (line.length > 1_000_000) {
      problems.add(place, 'the line is too long', `${line.length} characters`);
      return [];
    }
    try {
      const { value, repeated } = parseJson(line);
      if (repeated.length === 0) return [{ place, value }];
      problems.add(place, 'a key is there twice', repeated[0]!.key.slice(0, 80));
    } catch (error) {
      problems.add(place, 'the line is not JSON', (error as Error).message.replace(/, line 1$/, '').slice(0, 120));
    }
    return [];
  });
}

/** One value over several lines would give a fault for each of them, and none would say what the file is. */
function requireLines(text: string, name: string): void {
  if (text.length > largestValue || !/^\s*[[{]/.test(text) || !/\n\s*\S/.test(text.trim())) return;
  try {
    JSON.parse(text);
  } catch {
    return;
  }
  throw userError({
    where: name,
    what: `is one JSON ${/^\s*\[/.test(text) ? 'list' : 'object'} over several lines`,
    expected: 'one object a line, without brackets around them and commas between them (JSON Lines)',
  });
}

/** Longer texts, in characters, are not read a second time to say that they are one value. */
const largestValue = 50_000_000;
