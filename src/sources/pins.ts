/**
 * Files whose hash nobody had when their manifest was written, such as checkpoints on the hub: the first fetch pins
 * revision, size and sha256 in a lock file beside the manifests, and from then on they are held to it like any other
 * file.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachePath, sha256, writeWhole } from '../files';
import { exitCode, userError } from '../problems';
import { contentPath, hashFile, settle, type FetchOptions } from './content';
import { parseContentUrl } from './contentUrl';
import {
  type DataManifest,
  fileObjects,
  type FileObject,
  manifestFolder,
  type Pin,
  pinsPath,
  readPins,
} from './dataManifest';
import { download, hfPage, hfUrl } from './fetchHttps';
import { withLock } from './lock';

/** No unpinned file may be larger: far above any shard of a published checkpoint. */
const unpinnedLimit = 64e9;

/** Whether a file's content is known by its hash. */
export const isPinned = (file: FileObject): boolean => file.sha256 !== '';

/**
 * Fetches the files of a source that are not pinned yet, one after the other, and writes each into the lock file. A
 * broken download goes on where it stopped, at the revision at which it began. Throws UserError: code `unavailable` for
 * a file that cannot be had, `failed` for one that is too large.
 */
export async function pinSource(
  manifest: DataManifest,
  options: FetchOptions,
  manifests: string = manifestFolder,
): Promise<void> {
  for (const file of fileObjects(manifest).filter((one) => !isPinned(one))) {
    await withLock(cachePath('content', 'unpinned', `${manifest.name}.lock`), async () => {
      if (readPins(manifest.name, manifests).some(({ id }) => id === file['@id'])) return; // another process was faster
      const pin = await fetchAndPin(file, manifest.name, options);
      const pins = [...readPins(manifest.name, manifests), pin].sort((a, b) => (a.id < b.id ? -1 : 1));
      writeWhole(
        pinsPath(manifest.name, manifests),
        `${JSON.stringify({ format: 'equipoise-pins/1', files: pins }, null, 2)}\n`,
      );
    });
  }
}

async function fetchAndPin(file: FileObject, source: string, options: FetchOptions): Promise<Pin> {
  const where = `data-manifests/${source}.json ${file['@id']}`;
  const location = parseContentUrl(file.contentUrl);
  if (location?.kind !== 'hf')
    throw userError({
      where,
      what: 'has no sha256',
      expected: 'one, since only `hf:` addresses may be pinned at the first fetch',
    });
  const part = join(cachePath('content', 'unpinned'), `${sha256(file.contentUrl)}.part`),
    begun = `${part}.revision`;
  mkdirSync(dirname(part), { recursive: true });
  // A branch may move between two tries: what has begun is finished at its own commit.
  let revision = existsSync(part) && existsSync(begun) ? readFileSync(begun, 'utf8') : null;
  if (revision === null) rmSync(part, { force: true });
  const tell = (stage: 'fetch' | 'check' | 'note', bytes: number, note?: string) =>
    options.onProgress?.({
      source,
      file: file['@id'],
      stage,
      bytes,
      total: 0,
      ...(note === undefined ? {} : { note }),
    });
  tell('fetch', 0);
  await download(() => hfUrl(revision === null ? location : { ...location, revision }, where), part, {
    where,
    atMost: unpinnedLimit,
    fetch: options.fetch,
    token: process.env['HF_TOKEN'],
    retryAfter: options.retryAfter,
    page: hfPage(location),
    onBytes: (bytes) => tell('fetch', bytes),
    onNote: (note) => tell('note', 0, note),
    onHeaders: (headers) => {
      const commit = headers.get('x-repo-commit');
      if (revision !== null || commit === null || !/^[0-9a-f]{40}$/.test(commit)) return;
      revision = commit;
      writeWhole(begun, commit);
    },
  });
  const bytes = statSync(part).size;
  const hash = await hashFile(part, (done) => tell('check', done));
  const path = contentPath(hash);
  mkdirSync(dirname(path), { recursive: true });
  settle(part, path);
  rmSync(begun, { force: true });
  tell('note', 0, `pinned at ${revision ?? location.revision}, ${bytes} bytes, sha256 ${hash}`);
  return { id: file['@id'], contentUrl: file.contentUrl, revision: revision ?? location.revision, bytes, sha256: hash };
}

/** The problem of a source that was never fetched: what depends on its content cannot be said. */
export const notPinned = (name: string): Error =>
  userError(
    {
      where: `data source \`${name}\``,
      what: 'was never fetched here, so its content is not pinned',
      hint: `run \`equipoise data fetch ${name}\``,
    },
    exitCode.unavailable,
  );
