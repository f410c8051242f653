/** JSON question files as released: one value, or one value a line. */
import { userError } from '../../problems';
import type { ReleasedFiles } from './files';
import type { Problems } from './record';

/** The value of a JSON file. Throws UserError when the file is missing or is not JSON, with the place of the fault. */
export async function readJson(files: ReleasedFiles, name: string): Promise<unknown> {
  const text = await files.text(name);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw userError({
      where: name,
      what: `is not JSON (${(error as Error).message.slice(0, 200)})`,
      expected: 'the file as released; fetch it again',
    });
  }
}

/** The values of a file with one JSON value a line, with their lines; empty lines are passed over, faulty ones noted. */
export async function readJsonLines(
  files: ReleasedFiles,
  name: string,
  problems: Problems,
): Promise<{ place: string; value: unknown }[]> {
  const lines = (await files.text(name)).replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((line, index) => {
    const place = `${name}:${index + 1}`;
    if (line.trim() === '') return [];
    if (line.length > 1_000_000) {
      problems.add(place, 'the line is too long', `${line.length} characters`);
      return [];
    }
    try {
      return [{ place, value: JSON.parse(line) as unknown }];
    } catch (error) {
      problems.add(place, 'the line is not JSON', (error as Error).message.slice(0, 120));
      return [];
    }
  });
}
