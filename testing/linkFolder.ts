/** Folders of the cache that look like a linked TensorFlow; their addon is no library. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addonPackageVersion, addonPath, type Link } from '../src/tensor/link/state';

const whole: Link = {
  format: 'equipoise-link/1',
  tensorflow: '2.18.0',
  addon: addonPackageVersion() ?? '',
  napi: 8,
  platform: process.platform,
  arch: process.arch,
  cuda: false,
  source: { kind: 'python', folder: '/p' },
  checked: { gpu: false, node: '20.0.0' },
};

/** A link named `name` in the cache with these facts; returns its folder. */
export function putLink(
  cache: string,
  name: string,
  link: Partial<Link>,
  parts: { json?: string; addon?: boolean } = {},
): string {
  const folder = join(cache, 'tensorflow', name);
  mkdirSync(dirname(join(folder, addonPath)), { recursive: true });
  writeFileSync(join(folder, 'link.json'), parts.json ?? JSON.stringify({ ...whole, ...link }));
  if (parts.addon !== false) writeFileSync(join(folder, addonPath), 'no library');
  return folder;
}
