/** Source maps of TensorFlow.js: two fifths of an installation, and read by debuggers alone. */
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface SourceMaps {
  /** folder of the package that they lie in */
  folder: string;
  bytes: number;
  remove(): void;
}

/** The files below a folder that end in `.map`; no link is followed. */
const mapsBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? mapsBelow(path) : entry.isFile() && entry.name.endsWith('.map') ? [path] : [];
  });

/** The folder of TensorFlow.js' packages that this program runs on. */
const packages = (): string =>
  dirname(dirname(createRequire(__filename).resolve('@tensorflow/tfjs-core/package.json')));

/** The packages of a folder, by default those of TensorFlow.js, that have source maps. */
export function sourceMaps(folder = packages()): SourceMaps[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path) && lstatSync(path).isDirectory())
    .flatMap((path): SourceMaps[] => {
      const maps = mapsBelow(path);
      const remove = () => maps.forEach((map) => rmSync(map, { force: true }));
      const bytes = maps.reduce((sum, map) => sum + lstatSync(map).size, 0);
      return maps.length === 0 ? [] : [{ folder: path, bytes, remove }];
    });
}
