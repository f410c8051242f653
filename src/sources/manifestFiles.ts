/** The files of a folder of data manifests, each read once while it stays as it is. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../files';
import { UserError, type Problem } from '../problems';
import { isSafePath } from './contentUrl';
import { checkDataManifest, manifestFolder, withPins, type DataManifest } from './dataManifest';

/** In the same folder, but no data manifest: the paper's numbers, which a user enters for the report. */
const paperValuesName = 'paper-values.json';

/** A path as problems name it. */
const shownPath = (path: string): string => {
  const near = relative(projectRoot, path);
  return near.startsWith('..') ? path : near;
};

/** A file of the folder: a manifest, or what is wrong with it. */
interface ReadManifest {
  manifest?: DataManifest;
  found: Problem[];
}

const readBefore = new Map<string, ReadManifest & { as: string }>();

/** A manifest's file with its problems, read again only when it has changed: a plan asks for it with every run. */
function readOnce(path: string): ReadManifest {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const as = [ino, size, mtimeNs, ctimeNs].join();
  const before = readBefore.get(path);
  if (before?.as === as) return before;
  const read = { as, ...readOne(path) };
  readBefore.set(path, read);
  return read;
}

function readOne(path: string): ReadManifest {
  const where = shownPath(path);
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const found = checkDataManifest(value, where);
    return found.length > 0 ? { found } : { manifest: value as DataManifest, found };
  } catch (error) {
    return { found: [{ where, what: `cannot be read as JSON (${(error as Error).message})` }] };
  }
}

/** The manifest of this name in a folder; null where it is not there or has faults, which readDataManifests tells. */
export function readDataManifest(name: string, folder: string = manifestFolder): DataManifest | null {
  const path = join(folder, `${name}.json`);
  if (!isSafePath(name) || `${name}.json` === paperValuesName || !existsSync(path)) return null;
  const { manifest } = readOnce(path);
  return manifest?.name === name ? withPins(manifest, folder) : null;
}

/** Every manifest of a folder, by name. Throws UserError with the problems of all of them at once. */
export function readDataManifests(folder: string = manifestFolder): DataManifest[] {
  const problems: Problem[] = [];
  const manifests: DataManifest[] = [];
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json') && name !== paperValuesName)
        .sort()
    : [];
  for (const file of names) {
    const path = join(folder, file);
    const { manifest, found } = readOnce(path);
    problems.push(...found);
    if (manifest === undefined) continue;
    if (`${manifest.name}.json` !== file)
      problems.push({
        where: `${shownPath(path)} /name`,
        what: `name \`${manifest.name}\` differs from the file's name`,
        expected: `\`${file.slice(0, -'.json'.length)}\``,
      });
    manifests.push(withPins(manifest, folder));
  }
  if (problems.length > 0) throw new UserError(problems);
  return manifests;
}
