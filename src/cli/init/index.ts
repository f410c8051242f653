/** `equipoise init`: a small project in any folder. Nothing that is there is changed. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isCheckout, projectRoot, writeWhole } from '../../files';
import { printable } from '../../printable';
import { userError } from '../../problems';
import { configNames, nearestConfig } from '../../project';
import type { Define } from '../command';
import { sourceMaps } from '../sourceMaps';
import { megabytes, note, say } from '../text';
import { firstManifest, ignored, projectFiles, type ProjectFile } from './templates';

interface InitOptions {
  ts?: boolean;
  withPart?: boolean;
}

const help = `
Writes a config that names the folders of the project, an example manifest that runs within a minute as --profile smoke,
and a .gitignore for results. Files that are there stay as they are.

Examples:
  equipoise init
  equipoise init ~/paper --with-part
  equipoise init ~/paper --ts`;

/** Adds `init [folder]`. */
export const define: Define = (command) => {
  command
    .option('--ts', 'write equipoise.config.ts instead of .json')
    .option('--with-part', 'also a scheduler of your own in parts/, which the manifest compares')
    .addHelpText('after', help)
    .action((folder: string | undefined, options: InitOptions) => {
      tell(initProject(resolve(folder ?? '.'), options));
    });
};

interface NewProject {
  folder: string;
  /** paths below the folder */
  written: string[];
  kept: string[];
  /** what a person should know or do by hand */
  notes: string[];
}

/** Writes what is not there yet. Throws UserError for a folder that cannot be one, or is that of the program itself. */
export function initProject(folder: string, { ts = false, withPart = false }: InitOptions): NewProject {
  const entry = statSync(folder, { throwIfNoEntry: false });
  if (entry !== undefined && !entry.isDirectory())
    throw userError({ where: folder, what: 'is a file', expected: 'a folder, which is made if it is not there' });
  if (folder === projectRoot)
    throw userError({
      where: folder,
      what: 'is the folder of Equipoise itself, which needs no config',
      hint: 'name a folder of your own: equipoise init ~/my-study',
    });
  const config = configNames.find((name) => existsSync(join(folder, name)));
  const above = nearestConfig(dirname(folder));
  const files = projectFiles({ ts, withPart, schemas: schemasFrom(folder) });
  const isThere = ({ path }: ProjectFile) =>
    existsSync(join(folder, path)) || (config !== undefined && path.startsWith('equipoise.config.'));
  const kept = files.filter(isThere).map(({ path }) => (path.startsWith('equipoise.config.') ? config! : path));
  const written = files.filter((file) => !isThere(file));
  for (const { path, text } of written) writeWhole(join(folder, path), text);
  return {
    folder,
    written: written.map(({ path }) => path),
    kept,
    notes: [
      ...(above === null || config !== undefined
        ? []
        : [`${above} above counted here until now; from now on it does not`]),
      ...(kept.includes('.gitignore') ? unignored(join(folder, '.gitignore')) : []),
      ...(withPart && config !== undefined ? [`let ${config} say "parts": "parts", or give --parts parts`] : []),
    ],
  };
}

/** Where editors find the schemas: by the package that is installed there, else in this program's own folder. */
function schemasFrom(folder: string): { manifest: string; config: string } {
  const installed = join(folder, 'node_modules', 'equipoise');
  const base = existsSync(join(installed, 'package.json')) ? installed : projectRoot;
  const from = (below: string, name: string) => {
    const path = relative(join(folder, below), join(base, name)).replaceAll('\\', '/');
    return path.startsWith('.') ? path : `./${path}`;
  };
  return {
    manifest: from(dirname(firstManifest), 'src/manifest/manifest.schema.json'),
    config: from('.', 'src/project.schema.json'),
  };
}

/** What a .gitignore that stays as it is does not leave out. */
function unignored(path: string): string[] {
  const lines = new Set(
    readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .map((line) => line.trim().replace(/^\/|\/$/g, '')),
  );
  const missing = ignored.filter((line) => !lines.has(line.replace(/\/$/, '')));
  return missing.length === 0
    ? []
    : [`.gitignore does not have ${missing.join(', ')}; git would keep what is written there`];
}

function tell({ folder, written, kept, notes }: NewProject): void {
  const isLoaded = written.includes('parts/brake.ts') && written.some((path) => path.startsWith('equipoise.config.'));
  const near = relative(process.cwd(), folder);
  say(written.length === 0 ? `nothing to write in ${printable(folder)}` : `a project in ${printable(folder)}`);
  for (const path of written) say(`  wrote  ${path}`);
  for (const path of kept) say(`  kept   ${printable(path)}, which was there`);
  const maps = isCheckout ? 0 : sourceMaps().reduce((sum, { bytes }) => sum + bytes, 0);
  if (maps > 0)
    say(`${megabytes(maps)} of the installation are source maps that nothing reads: npx equipoise clean maps --yes`);
  for (const each of notes) note(`note: ${printable(each)}`);
  const where = near === '' ? [] : [`  cd ${near.startsWith('..') ? folder : near}`];
  say(
    [
      'Next:',
      ...where.map(printable),
      `  equipoise plan ${firstManifest}                    what would be trained`,
      `  equipoise run ${firstManifest} --profile smoke     does it run: under a minute, once data are fetched`,
      `  equipoise run ${firstManifest}                     the experiment; Ctrl-C and the same command go on`,
      '  equipoise figures first                                 its figures, in figures/first',
      ...(isLoaded ? ['parts/brake.ts is a program: the config has it loaded by every command here.'] : []),
    ].join('\n'),
  );
}
