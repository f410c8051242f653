/** A folder that appears whole or not at all. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { exitCode, userError } from '../problems';

/**
 * Lets `fill` write into a folder beside `out`, and gives it that name when all is there.
 * @throws UserError when something is at `out` already, or no folder can be made there; whatever `fill` throws, with
 * nothing left behind
 */
export async function newFolder<T>(out: string, fill: (folder: string) => Promise<T>): Promise<T> {
  if (existsSync(out)) {
    if (!statSync(out).isDirectory())
      throw userError({
        where: out,
        what: 'is a file',
        expected: 'a folder that is empty or not there',
        hint: 'name another folder',
      });
    if (readdirSync(out).length > 0)
      throw userError({ where: out, what: 'is there already and not empty', hint: 'remove it or name another folder' });
  }
  const folder = join(dirname(resolve(out)), `.${basename(out)}.${randomUUID()}.tmp`);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw userError(
      {
        where: out,
        what: `cannot be made (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
        expected: 'a folder in a place that can be written',
      },
      exitCode.failed,
    );
  }
  try {
    const made = await fill(folder);
    if (existsSync(out)) rmdirSync(out);
    renameSync(folder, out);
    return made;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
