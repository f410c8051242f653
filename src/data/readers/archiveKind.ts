/** What a file on the disk really is, before it is opened as the archive that its name says. */
import { closeSync, openSync, readSync } from 'node:fs';
import { exitCode, userError } from '../../problems';
import { whatItIs } from '../contentKind';

/** The words for what a file is, by its first bytes. */
export function whatIsAt(path: string): string {
  const handle = openSync(path, 'r');
  try {
    const head = Buffer.alloc(65_536);
    return whatItIs(head.subarray(0, readSync(handle, head, 0, head.length, 0)));
  } finally {
    closeSync(handle);
  }
}

/** What these files begin with; an old tar begins with a name, and a zip may have a program before it. */
const heads = { zip: /^a (?:zip archive|file )/, tar: /^(?:a (?:tar archive|file )|gzip-compressed)/ } as const;

/**
 * Throws UserError for a file that a release names and that is no archive of this kind, such as a page or a pointer
 * saved under its name, or (`plain`) an archive of a kind that is not read.
 */
export function requireKind(path: string, kind: 'zip' | 'tar' | 'plain'): void {
  const what = whatIsAt(path);
  if (kind === 'plain' ? !/archive|-compressed/.test(what) : heads[kind].test(what)) return;
  throw userError(
    {
      where: path,
      what: `is ${what}`,
      expected: kind === 'plain' ? 'a folder, a zip or a tar archive' : `a ${kind} archive, as its name says`,
      ...(kind === 'plain' ? { hint: 'unpack it beside the manifest and name the folder' } : {}),
    },
    exitCode.failed,
  );
}
