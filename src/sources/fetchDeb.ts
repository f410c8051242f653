/** `deb:` addresses: through the machine's apt without root, else from a mirror that the user names. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { cachePath } from '../files';
import { exitCode, userError } from '../problems';
import { silenceOf } from './connect';
import { download, type FetchFunction } from './fetchHttps';
import { withLock } from './lock';
import { notAnswering, requireAnswering } from './unreachable';
import { lastLines, runTool, type ToolResult } from '../tool';

interface DebRequest {
  name: string;
  version?: string;
  /** path in a Debian mirror, `pool/main/...`; its last part is the name of the .deb */
  poolPath?: string;
  /** stated size, when it is the .deb itself that is wanted */
  bytes?: number;
}

/**
 * Environment variable with the base of a Debian mirror (`https://host/debian`) or an absolute folder that holds the
 * packages.
 */
const mirrorVariable = 'EQUIPOISE_DEB_MIRROR';

/**
 * Fetches a package into `folder` (a temporary one) and returns the path of the .deb. Tried in turn: apt with the
 * machine's package lists, apt with lists of our own in the cache (both without root), the mirror. The caller checks
 * the hash. Throws UserError with the reason of each way that failed.
 */
export async function fetchDeb(
  request: DebRequest,
  folder: string,
  where: string,
  options: { fetch?: FetchFunction; onNote: (note: string) => void; onBytes: (bytes: number) => void },
): Promise<string> {
  const reasons: string[] = [];
  const mirror = process.env[mirrorVariable] ?? '';
  if (mirror === '') requireAnswering(archive, where);
  const apt = await fetchWithApt(request, folder, options.onNote);
  if ('path' in apt) return apt.path;
  if (apt.isSilent === true && mirror === '') throw notAnswering(archive, apt.reason, where);
  reasons.push(`apt: ${apt.reason}`);
  if (mirror === '') reasons.push(`${mirrorVariable} is not set`);
  else {
    const found = await fetchFromMirror(request, mirror, folder, where, options);
    if ('path' in found) return found.path;
    reasons.push(`mirror: ${found.reason}`);
  }
  throw userError(
    {
      where,
      what: `the Debian package ${request.name}${request.version === undefined ? '' : ` ${request.version}`} cannot be fetched (${reasons.join('; ')})`,
      hint: `set ${mirrorVariable} to a Debian mirror or archive of old packages (https://host/debian) or to a folder that holds the .deb`,
    },
    exitCode.unavailable,
  );
}

type Attempt = { path: string } | { reason: string; isSilent?: boolean };

const archive = "the archive of apt's packages";

/** Runs apt-get, unless the server or proxy that it would ask takes no connection: apt waits half a minute for each. */
async function runApt(args: readonly string[], folder: string): Promise<ToolResult | { silence: string }> {
  const options = { folder, environment: { LC_ALL: 'C' } };
  const [asked, settings] = await Promise.all([
    runTool('apt-get', ['--print-uris', ...args], options),
    runTool('apt-config', ['dump'], options),
  ]);
  // Which proxy a program of the user's would choose is not known here.
  const isChosen = /^Acquire::https?::Proxy-?Auto-?Detect "[^"]/im.test(settings.out);
  const servers = [...asked.out.matchAll(/^'([^']+)'/gm)].map(([, url]) => url!);
  const proxies = [...settings.out.matchAll(/^Acquire::https?::Proxy "([^"]+)"/gm)].map(([, url]) => url!);
  const silence = isChosen ? null : await silenceOf({ servers, proxies });
  return silence === null ? await runTool('apt-get', args, options) : { silence };
}

async function fetchWithApt(request: DebRequest, folder: string, onNote: (note: string) => void): Promise<Attempt> {
  const wanted = request.version === undefined ? request.name : `${request.name}=${request.version}`;
  const cache = cachePath('apt');
  for (const part of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(cache, part), { recursive: true });
  // The private cache keeps apt away from /var/cache; as root, apt would want to drop to a user that cannot write to
  // ours.
  const own = ['-o', `Dir::Cache=${join(cache, 'cache')}`, '-o', 'APT::Sandbox::User=root', '-q', '-y'];
  const ownLists = [...own, '-o', `Dir::State::lists=${join(cache, 'lists')}`];
  let reason = '';
  for (const lists of [own, ownLists]) {
    if (lists === ownLists) {
      onNote('updating package lists of our own, without root');
      // apt refuses a second update beside a running one instead of waiting for it.
      const update = await withLock(cachePath('apt', 'update.lock'), () => runApt(['update', ...ownLists], folder));
      if ('silence' in update) return { reason: update.silence, isSilent: true };
      if (!update.absent && update.code !== 0) return { reason: `${reason}; apt-get update: ${lastLines(update)}` };
    }
    const result = await runApt(['download', ...lists, wanted], folder);
    if ('silence' in result) return { reason: result.silence, isSilent: true };
    if (result.absent) return { reason: 'no `apt-get` on the PATH' };
    const [deb] = readdirSync(folder)
      .filter((file) => file.endsWith('.deb'))
      .sort();
    if (result.code === 0 && deb !== undefined) return { path: join(folder, deb) };
    reason = `\`apt-get download ${wanted}\`: ${lastLines(result, 2)}`;
  }
  return { reason };
}

async function fetchFromMirror(
  request: DebRequest,
  mirror: string,
  folder: string,
  where: string,
  options: { fetch?: FetchFunction; onBytes: (bytes: number) => void },
): Promise<Attempt> {
  if (request.poolPath === undefined)
    return { reason: 'the manifest does not say where the package lies in a mirror (`name`)' };
  const file = basename(request.poolPath);
  const path = join(folder, file);
  if (isAbsolute(mirror)) {
    const found = [join(mirror, request.poolPath), join(mirror, file)].find(
      (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
    );
    if (found === undefined) return { reason: `the folder ${mirror} has no ${file}` };
    copyFileSync(found, path);
    return { path };
  }
  if (!/^https?:\/\//.test(mirror)) return { reason: `${mirror} is neither an https:// base nor an absolute folder` };
  const url = `${mirror.replace(/\/+$/, '')}/${request.poolPath.split('/').map(encodeURIComponent).join('/')}`;
  try {
    // Plain http is allowed here alone: the user named the mirror, and what it sends is judged by its hash.
    await download(() => url, path, {
      where,
      bytes: request.bytes,
      fetch: options.fetch,
      onBytes: options.onBytes,
      allowHttp: true,
    });
    return { path };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}
