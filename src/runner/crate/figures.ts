/** Whether the figures and tables of a crate are those that its journals give. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CrateFile } from './container';
import { crateNames } from './paths';
import { linesOf } from './lines';

/**
 * Draws all figures and tables of an experiment's folder into two folders; returns what a reader must know of them.
 * Rejects with UserError.
 */
export type Draw = (experimentFolder: string, figures: string, tables: string) => Promise<string[]>;

/** Draws everything again and compares every byte: one sentence for each difference. */
export async function drawingFaults(
  folder: string,
  experiment: string,
  files: readonly CrateFile[],
  draw: Draw,
): Promise<string[]> {
  const again = mkdtempSync(join(tmpdir(), 'equipoise-verify-'));
  const kinds = [crateNames.figures, crateNames.tables];
  try {
    const [figures, tables] = [join(again, crateNames.figures), join(again, crateNames.tables)];
    await draw(join(folder, crateNames.results, experiment), figures, tables);
    const namesIn = (kind: string) => (existsSync(join(again, kind)) ? readdirSync(join(again, kind)).sort() : []);
    const drawn = kinds.flatMap((kind) => namesIn(kind).map((name) => `${kind}/${name}`));
    const there = files.map(({ path }) => path).filter((path) => kinds.some((kind) => path.startsWith(`${kind}/`)));
    const alike = (path: string) => readFileSync(join(again, path)).equals(readFileSync(join(folder, path)));
    return [
      ...drawn
        .filter((path) => !there.includes(path))
        .map((path) => `${path}: the journals give it, but it is not there`),
      ...there.filter((path) => !drawn.includes(path)).map((path) => `${path}: the journals do not give it`),
      ...drawn
        .filter((path) => there.includes(path) && !alike(path))
        .map((path) => `${path}: is not what the journals give`),
    ];
  } catch (error) {
    return linesOf(error);
  } finally {
    rmSync(again, { recursive: true, force: true });
  }
}
