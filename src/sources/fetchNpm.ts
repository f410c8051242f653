/** `npm:` addresses: the user's own npm fetches a package, so its registry, proxy and credentials apply. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, userError } from '../problems';
import { causeOf, runTool, saysOffline, type ToolResult } from '../tool';
import { silenceOf } from './connect';
import { notAnswering, requireAnswering } from './unreachable';

const registry = 'the registry of npm';

/** Two more tries within seconds: by npm's own defaults a registry that is not there is told after more than a minute. */
const patience = [
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=3000',
  '--fetch-timeout=30000', // of silence, which npm takes for five minutes
];

/**
 * Why the user's registry takes no connection; null where it does, or where npm does not say which it is. npm's own
 * timeouts begin once it is connected.
 */
async function silenceOfRegistry(folder: string): Promise<string | null> {
  const { code, out } = await runTool('npm', ['config', 'get', 'registry', 'https-proxy', 'proxy'], { folder });
  const told = new Map([...out.matchAll(/^(registry|https-proxy|proxy)=(\S+)$/gm)].map(([, name, url]) => [name, url]));
  const own = told.get('registry');
  if (code !== 0 || own === undefined) return null;
  return await silenceOf({ servers: [own], proxies: [told.get('https-proxy') ?? '', told.get('proxy') ?? ''] });
}
let known: Promise<string | null> | undefined;

/**
 * Runs npm in a folder, without scripts and with its patience of seconds. Throws UserError when there is no npm or its
 * registry does not answer; `where` is what is missing for it.
 */
async function runNpm(args: readonly string[], folder: string, where: string): Promise<ToolResult> {
  requireAnswering(registry, where);
  const silence = await (known ??= silenceOfRegistry(folder));
  known = silence === null ? known : undefined;
  if (silence !== null) throw notAnswering(registry, silence, where);
  const result = await runTool(
    'npm',
    [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...patience],
    { folder },
  );
  if (result.absent)
    throw userError(
      { where, what: 'there is no `npm` on the PATH', expected: 'npm, which comes with Node' },
      exitCode.unavailable,
    );
  if (result.code !== 0 && saysOffline(causeOf(result))) throw notAnswering(registry, causeOf(result), where);
  return result;
}

/**
 * Packs `name@version` with `npm pack` inside `folder` (a temporary one) and returns the path of the tgz, which is the
 * registry's own file. No script of the package runs. Throws UserError when npm is absent, offline, or the package
 * gone.
 */
export async function packNpm(name: string, version: string, folder: string, where: string): Promise<string> {
  const spec = `${name}@${version}`;
  const result = await runNpm(['pack', spec, '--pack-destination', folder], folder, where);
  const tarballs = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const [tarball] = tarballs;
  if (result.code !== 0 || tarball === undefined || tarballs.length > 1) {
    const gone = /\bE404\b|\bETARGET\b|No matching version|not found/i.test(result.out + result.err);
    throw userError(
      {
        where,
        what: `\`npm pack ${spec}\` failed${gone ? ': the registry no longer has it' : ''} (${causeOf(result)})`,
      },
      exitCode.unavailable,
    );
  }
  const packed = join(folder, 'package.tgz');
  renameSync(join(folder, tarball), packed);
  return packed;
}

/** Installs what package.json and package-lock.json of `folder` name into it. Throws UserError as `packNpm`. */
export async function installNpm(folder: string, where: string): Promise<void> {
  const result = await runNpm(['ci', '--include=optional', '--prefix', folder], folder, where);
  if (result.code !== 0)
    throw userError({ where, what: `\`npm ci\` failed (${causeOf(result)})` }, exitCode.unavailable);
}
