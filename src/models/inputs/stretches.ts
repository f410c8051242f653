/**
 * Features of all media of a set, computed a stretch at a time by every process that wants them: two workers share the
 * work in place of waiting for each other, and who is interrupted goes on where it was. A stretch is a folder of
 * `features/<identity>.stretches/`, laid out as features are; when all are there they are joined.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSet } from '../../data/types';
import { lockIfFree, withLock } from '../../sources/lock';
import type { OpenTower } from '../zoo/encoders';
import { briefly, computeFeatures, inOrder, together, writeAll, writeFolder, type FeatureJob } from './computeFeatures';
import { readFeatures } from './featureTable';

/** Media of a stretch: seconds to half a minute of work. */
export const stretchMedia = 4 * together;

interface Shared extends Omit<FeatureJob, 'passes'> {
  /** all media, in the order of the file */
  media: readonly string[];
  /** hears who is computing the last stretches when nothing is left to do but wait */
  onWait: ((owner: string) => void) | undefined;
}

/**
 * Puts the features of all media into a folder, which is whole or absent, together with whoever else asks for them now.
 * Throws UserError for a file that cannot be taken or gives no numbers.
 */
export async function computeTogether(folder: string, set: DataSet, shared: Shared): Promise<void> {
  const stretches = `${folder}.stretches`;
  const parts = Array.from({ length: Math.ceil(shared.media.length / stretchMedia) }, (_, i) => ({
    path: join(stretches, String(i)),
    media: shared.media.slice(i * stretchMedia, (i + 1) * stretchMedia),
  }));
  // A stretch is looked for before the whole: who joins them puts the whole in place before it removes them.
  const isThere = ({ path }: { path: string }) => existsSync(path) || existsSync(folder);
  let open: Promise<OpenTower> | undefined;
  const compute = async (part: (typeof parts)[number]) => {
    if (isThere(part)) return;
    const before = parts.filter(isThere).reduce((sum, { media }) => sum + media.length, 0);
    open ??= shared.tower.open(shared.rows);
    await computeFeatures(part.path, set, await open, {
      ...shared,
      passes: () => inOrder(part.media),
      mostNotices: Infinity,
      onProgress: (done) => shared.onProgress?.(before + done, shared.media.length),
    });
  };
  try {
    for (const part of parts) if (!isThere(part)) await lockIfFree(`${part.path}.lock`, () => compute(part));
    for (const part of parts)
      if (!isThere(part)) await withLock(`${part.path}.lock`, () => compute(part), shared.onWait);
    await withLock(`${folder}.lock`, async () => {
      await joinStretches(folder, parts, shared);
      rmSync(stretches, { recursive: true, force: true });
    });
  } finally {
    (await open?.catch(() => undefined))?.close();
    if (existsSync(stretches)) removeIfEmpty(stretches);
  }
}

/** All stretches as one folder of features; the caller holds its lock. Throws UserError where one is damaged. */
async function joinStretches(
  folder: string,
  parts: readonly { path: string; media: readonly string[] }[],
  { tower, rows, media }: Shared,
): Promise<void> {
  if (existsSync(folder)) return;
  await writeFolder(folder, (temporary) => {
    const file = openSync(join(temporary, 'features.bin'), 'w');
    const hash = createHash('sha256');
    const items: number[] = [];
    const notices: string[] = [];
    try {
      for (const part of parts) {
        const shape = {
          media: part.media,
          rows,
          width: tower.width,
          ...(tower.mostItems === undefined ? {} : { mostItems: tower.mostItems }),
        };
        const table = readFeatures(part.path, shape, Infinity);
        notices.push(...table.notices);
        for (const key of part.media) {
          items.push(table.items(key));
          writeAll(file, hash, table.of(key));
        }
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return Promise.resolve({ rows, tower, media, items, notices: briefly(notices), sha256: hash.digest('hex') });
  });
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Finished stretches are in it, or another process works there.
  }
}
