/** What finished runs answered. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { predictionsName } from '../src/runner/folders';
import { readPredictions, type StoredPrediction } from '../src/train/predictions';

/** What a run kept of its answers; null where it kept none. Throws UserError for a damaged file. */
export function predictionsOf({ folder }: { folder: string }): StoredPrediction[] | null {
  const path = join(folder, predictionsName);
  return existsSync(path) ? readPredictions(readFileSync(path, 'utf8'), path) : null;
}
