/**
 * Small real file systems for tests of a full or read-only disk; they need root, and tests say so where they cannot
 * have them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mount = (...args: string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;

/** Mounts a memory disk of `size` (as mount writes it); null where that is not permitted. */
export function smallDisk(
  size: string,
): { path: string; resize: (size: string) => void; readOnly: () => void; unmount: () => void } | null {
  const path = mkdtempSync(join(tmpdir(), 'equipoise-disk-'));
  if (process.platform !== 'linux' || !mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path)) return null;
  return {
    path,
    resize: (next) => void mount('-o', `remount,size=${next}`, path),
    readOnly: () => void mount('-o', 'remount,ro', path),
    unmount: () => void spawnSync('umount', ['-l', path], { stdio: 'ignore' }),
  };
}

/** Whether this machine lets tests mount a disk. */
export function canMount(): boolean {
  const disk = smallDisk('64k');
  disk?.unmount();
  return disk !== null;
}
