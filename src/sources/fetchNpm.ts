/** `npm:` addresses: the user's own npm fetches a package, so its registry, proxy and credentials apply. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, userError } from '../problems';
import { causeOf, saysOffline, runTool } from '../tool';
import { notAnswering, requireAnswering } from './unreachable';

const registry = 'the registry of npm';

/** Two more tries within seconds: by npm's own defaults a registry that is not there is told after more than a minute. */
const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=3000'];

/**
 * Packs `name@version` with `npm pack` inside `folder` (a temporary one) and returns the path of the tgz, which is the
 * registry's own file. No script of the package runs. Throws UserError when npm is absent, offline, or the package
 * gone.
 */
export async function packNpm(name: string, version: string, folder: string, where: string): Promise<string> {
  const spec = `${name}@${version}`;
  requireAnswering(registry, where);
  const result = await runTool(
    'npm',
    [
      ...['pack', spec, '--ignore-scripts', '--no-audit', '--loglevel=error', '--pack-destination', folder],
      ...patience,
    ],
    { folder },
  );
  if (result.absent)
    throw userError(
      { where, what: 'there is no `npm` on the PATH', expected: 'npm, which comes with Node' },
      exitCode.unavailable,
    );
  const tarballs = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const [tarball] = tarballs;
  if (result.code !== 0 || tarball === undefined || tarballs.length > 1) {
    const cause = causeOf(result);
    if (saysOffline(cause)) throw notAnswering(registry, cause, where);
    const gone = /\bE404\b|\bETARGET\b|No matching version|not found/i.test(result.out + result.err);
    throw userError(
      {
        where,
        what: `\`npm pack ${spec}\` failed${gone ? ': the registry no longer has it' : ''} (${cause})`,
      },
      exitCode.unavailable,
    );
  }
  const packed = join(folder, 'package.tgz');
  renameSync(join(folder, tarball), packed);
  return packed;
}
