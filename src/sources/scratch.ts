/** Files and folders of the cache while they are being made. */
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { cachePath } from '../files';

/**
 * Gives the beginning that a killed fetch has left a new inode: a process that lost its lock while it was stopped may
 * still hold the old one open, and must not write into what we are about to check. Returns whether there was one.
 */
export function freshInode(part: string): boolean {
  if (!existsSync(part)) return false;
  copyFileSync(part, `${part}.new`, constants.COPYFILE_FICLONE);
  renameSync(`${part}.new`, part);
  return true;
}

/**
 * A new temporary folder inside the cache, so that a rename out of it is atomic. Leftovers of killed processes go after
 * a day.
 */
export function temporaryFolder(): string {
  const base = cachePath('temporary');
  mkdirSync(base, { recursive: true });
  for (const name of readdirSync(base)) {
    const stats = statSync(join(base, name), { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > 24 * 3600 * 1000)
      rmSync(join(base, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(base, `${process.pid}-`));
}
