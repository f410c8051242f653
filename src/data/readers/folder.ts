/**
 * The regular files below a folder. Links are followed inside the folder that was named and to the hub's store of
 * contents, never elsewhere.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { userError } from '../../problems';
import { decodedName } from './names';

/** More files than any released set has; links to folders could make endlessly many. */
const mostFiles = 2_000_000;

export interface FolderFile {
  /** below the folder, with `/` */
  name: string;
  /** where its content lies; bytes where the name is no UTF-8 */
  path: string | Buffer;
}

/** A link that was not followed. */
export interface LeftLink {
  name: string;
  why: string;
}

/**
 * The files below `folder`, sorted by name, and the links that were left out. `root` is the folder that the user named,
 * of which `folder` is a part: links may lead anywhere inside either. Devices and sockets are passed over.
 */
export function filesBelow(folder: string, root: string = folder): { files: FolderFile[]; left: LeftLink[] } {
  const inside = [realpathSync(root), realpathSync(folder)];
  const blobs = hubBlobs(inside[0]!);
  const files: FolderFile[] = [];
  const left: LeftLink[] = [];
  const walk = (at: Buffer, real: string, prefix: string, chain: readonly string[]): void => {
    for (const entry of readdirSync(at, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([at, Buffer.from(sep), entry.name]);
      const name = prefix + decodedName(entry.name);
      if (files.length > mostFiles) throw userError({ where: folder, what: `holds more than ${mostFiles} files` });
      if (entry.isDirectory()) {
        const below = join(real, decodedName(entry.name));
        if (!chain.includes(below)) walk(path, below, `${name}/`, [...chain, real]);
      }
      if (entry.isFile()) files.push({ name, path: asText(path) });
      else if (entry.isSymbolicLink()) {
        const target = targetOf(path, inside, blobs);
        if ('why' in target) left.push({ name, why: target.why });
        else if (target.kind === 'file') files.push({ name, path: target.real });
        else if ([...chain, real].includes(target.real)) left.push({ name, why: 'leads to a folder around it' });
        else walk(Buffer.from(target.real), target.real, `${name}/`, [...chain, real]);
      }
    }
  };
  walk(Buffer.from(inside[1]!), inside[1]!, '', []);
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return { files: files.sort(byName), left: left.sort(byName) };
}

function asText(path: Buffer): string | Buffer {
  const text = path.toString('utf8');
  return Buffer.from(text).equals(path) ? text : path;
}

type Target = { kind: 'file' | 'folder'; real: string } | { why: string };

function targetOf(path: Buffer, inside: readonly string[], blobs: (real: string) => boolean): Target {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return { why: 'leads nowhere' };
  }
  if (!inside.some((folder) => real === folder || real.startsWith(folder + sep)) && !blobs(real))
    return { why: `leads out of the folder, to ${real}` };
  const status = statSync(real);
  if (status.isFile()) return { kind: 'file', real };
  return status.isDirectory() ? { kind: 'folder', real } : { why: 'leads to what is no file' };
}

/**
 * Whether a file lies in the hub's store: `blobs/` beside the `snapshots/` that the folder belongs to, or `blobs/` of
 * any repository in the hub's cache on this machine (huggingface_hub, "Understand caching"), where older versions
 * linked downloads to.
 */
function hubBlobs(root: string): (real: string) => boolean {
  const steps = root.split(sep);
  const at = steps.lastIndexOf('snapshots');
  const own = at > 0 ? steps.slice(0, at).join(sep) + sep + 'blobs' : undefined;
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME } = process.env;
  const cache =
    HF_HUB_CACHE ?? HUGGINGFACE_HUB_CACHE ?? join(HF_HOME ?? join(homedir(), '.cache', 'huggingface'), 'hub');
  const shared = existsSync(cache) ? realpathSync(cache) : undefined;
  return (real) => {
    const folder = dirname(real);
    if (folder === own) return true;
    if (shared === undefined || !folder.startsWith(shared + sep)) return false;
    return /^(?:datasets|models|spaces)--[^/\\]+[/\\]blobs$/.test(folder.slice(shared.length + 1));
  };
}

/**
 * Where a place (file, folder or archive) lies below `root`: under exactly its name, or under the one that looks the
 * same. Undefined when there is none.
 */
export function placeAt(root: string, place: string): string | undefined {
  const exact = join(root, place);
  if (existsSync(exact)) return exact;
  let at = root;
  for (const step of place.split('/')) {
    if (!existsSync(at) || !statSync(at).isDirectory()) return undefined;
    const same = readdirSync(at).filter((name) => name === step || name.normalize('NFC') === step.normalize('NFC'));
    const found = same.find((name) => name === step) ?? (same.length === 1 ? same[0] : undefined);
    if (found === undefined) return undefined;
    at = join(at, found);
  }
  return at;
}
