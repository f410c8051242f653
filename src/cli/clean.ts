/** `equipoise clean`: what of results and cache can go, with its size; and with --yes it goes. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bytesAt, cachePath } from '../files';
import { printable } from '../printable';
import { exitCode, UserError, userError, type Problem } from '../problems';
import { againFolder } from '../runner/again';
import { listExperiments, resultsFolder, runFolder } from '../runner/folders';
import { removedFolder, removeOfRun, removeRun } from '../runner/removal';
import { readExperiment, type StoredRun } from '../runner/results';
import { staleReason } from '../runner/stale';
import { cacheFolders, cacheParts, emptyCacheFolder } from './cacheFolders';
import type { Define } from './command';
import { experimentNamed } from './names';
import { describe } from './runNames';
import { sourceMaps } from './sourceMaps';
import { count, megabytes, note, say, sayJson, sayTable } from './text';

interface CleanOptions {
  experiment?: string[];
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Something that can go. */
interface Item {
  what: string;
  name: string;
  bytes: number;
  /** why it can, or what it costs */
  why: string;
  /** false: a living process holds it, and it stays */
  remove(): boolean | Promise<boolean>;
}

/** What can be named, besides `cache/NAME` for one folder of the cache. */
const kinds = {
  failed: 'runs that failed; run would try them again',
  partial: 'interrupted runs; run would go on with them',
  stale: 'finished runs by another method, code, data or weights than now',
  best: 'best.safetensors of finished runs, kept by run --best: the weights after the best validation',
  leftovers: 'what run --again and remove left behind when they were killed',
  cache: 'all of the cache that is computed again where it is needed',
  maps: 'source maps of TensorFlow.js among the installed packages, which only debuggers read',
} as const;
type Kind = keyof typeof kinds;

const help = `
Without names it shows what there is; with names it lists what would go; with --yes it removes that. Runs that are being
trained stay, and so do results/reference and your own published sets. Of the cache, what a living process is making
stays, and nothing goes while runs are trained into these results. Stale is decided with --parts where runs use parts of
your own.

What: ${Object.keys(kinds).join(', ')}, or one folder of the cache, e.g. cache/features (doctor lists them).

Examples:
  equipoise clean
  equipoise clean failed stale --experiment quickstart
  equipoise clean cache/code best --yes
  equipoise clean maps --yes`;

/** Adds `clean [what...]`. */
export const define: Define = (command) => {
  command
    .option('--experiment <names...>', 'only runs of these experiments')
    .option('--yes', 'remove what is named; without it nothing is changed')
    .option('--dry-run', 'only say what would go, which is the default')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (what: string[], options: CleanOptions) => {
      const results = resultsFolder();
      const isToGo = options.yes === true && options.dryRun !== true;
      checkNames(what, isToGo);
      const runs = chosenExperiments(results, options.experiment).flatMap((name) => readExperiment(results, name));
      const measuring = measuringLine();
      const items = (what.length === 0 ? Object.keys(kinds) : what).flatMap((name) =>
        itemsOf(name, results, runs, measuring.at),
      );
      measuring.end();
      if (!isToGo) {
        if (options.json === true) sayJson('clean', { removed: false, items: items.map(shown), bytes: sum(items) });
        else if (what.length === 0) overview(items);
        else list(items);
        return;
      }
      if (what.some((name) => name.startsWith('cache'))) refuseWhileRunning(results);
      const gone: Item[] = [];
      for (const item of items)
        if (await item.remove()) gone.push(item);
        else note(`${item.name} stays: a runner holds it`);
      if (gone.length < items.length) process.exitCode = exitCode.failed;
      if (options.json === true) sayJson('clean', { removed: true, items: gone.map(shown), bytes: sum(gone) });
      else say(`removed: ${count(gone.length, 'item')}, ${megabytes(sum(gone))}`);
    });
};

/**
 * Says on standard error what is being measured, since tens of thousands of files that were not looked at lately take
 * half a minute: on a terminal one line that is wiped, elsewhere one note after a second.
 */
function measuringLine(): { at(what: string): void; end(): void } {
  const begun = performance.now();
  const { stderr } = process;
  let told = false;
  return {
    at(what) {
      if (stderr.isTTY) stderr.write(`\r\u001b[2Kmeasuring ${what} ...\r`);
      else if (!told && performance.now() - begun > 1000) {
        told = true;
        note(`measuring ${what} and what follows: every file is looked at`);
      }
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[2K');
    },
  };
}

const shown = ({ what, name, bytes, why }: Item) => ({ what, name, bytes, why });

const sum = (items: readonly Item[]): number => items.reduce((total, { bytes }) => total + bytes, 0);

/** Throws UserError with every word that names nothing, and for --yes without a word. */
function checkNames(what: readonly string[], isToGo: boolean): void {
  const expected = `${Object.keys(kinds).join(', ')}, or cache/ with a folder of the cache`;
  if (what.length === 0 && isToGo) throw userError({ where: '--yes', what: 'nothing is named', expected });
  const problems = what.flatMap((name): Problem[] => {
    if (Object.hasOwn(kinds, name)) return [];
    const folder = name.startsWith('cache/') ? name.slice('cache/'.length) : null;
    if (folder === null || !Object.hasOwn(cacheFolders, folder))
      return [{ where: printable(name), what: 'is nothing that can be cleaned', expected }];
    const { again, holds } = cacheFolders[folder]!;
    return again === 'never' ? [{ where: name, what: `holds ${holds}: it is not removed by a command` }] : [];
  });
  if (problems.length > 0) throw new UserError(problems);
}

/** The experiments that are named, by default all. Throws UserError for one that is not there. */
function chosenExperiments(results: string, typed: readonly string[] | undefined): readonly string[] {
  const experiments = listExperiments(results);
  const names = typed?.map((each) => experimentNamed(each, experiments));
  const unknown = (names ?? []).filter((name) => !experiments.includes(name));
  if (unknown.length > 0)
    throw userError({
      where: '--experiment',
      what: `there is no ${printable(unknown.join(', '))}`,
      expected: experiments.length === 0 ? 'results' : `one of ${experiments.join(', ')}`,
    });
  return names ?? experiments;
}

const runningIn = (results: string): StoredRun | undefined =>
  listExperiments(results)
    .flatMap((name) => readExperiment(results, name))
    .find(({ state }) => state === 'running');

function refuseWhileRunning(results: string): void {
  const running = runningIn(results) ?? runningIn(againFolder(results));
  if (running !== undefined)
    throw userError(
      {
        where: 'cache',
        what: `run ${running.experiment}/${running.id} is being trained and may read it`,
        hint: 'wait until it has ended',
      },
      exitCode.unavailable,
    );
}

/** Everything that a name means. */
function itemsOf(name: string, results: string, runs: readonly StoredRun[], onPart: (what: string) => void): Item[] {
  onPart(name);
  if (name.startsWith('cache/')) return cacheItems(name, (folder) => folder === name.slice('cache/'.length), onPart);
  switch (name as Kind) {
    case 'failed':
    case 'partial':
      return runs.filter(({ state }) => state === name).map((run) => runItem(name, results, run, run.why));
    case 'stale':
      return runs.flatMap((run) => {
        const why = run.state === 'done' && run.file !== null ? staleReason(run.file) : null;
        return why === null ? [] : [runItem(name, results, run, why)];
      });
    case 'best':
      return runs.filter(({ state }) => state === 'done').flatMap((run) => bestItem(results, run));
    case 'leftovers':
      return [againFolder(results), join(results, removedFolder)].filter(existsSync).map((path) => ({
        what: name,
        name: path,
        bytes: bytesAt(path),
        why: kinds.leftovers,
        remove: () => {
          if (runningIn(path) !== undefined) return false;
          rmSync(path, { recursive: true, force: true });
          return true;
        },
      }));
    case 'maps':
      return mapItems();
    case 'cache':
      return cacheItems(name, (folder) => cacheFolders[folder]?.again === 'computed', onPart);
  }
}

const runItem = (what: string, results: string, { experiment, id, file }: StoredRun, why: string): Item => ({
  what,
  name: `${experiment}/${id}`,
  bytes: bytesAt(runFolder(results, experiment, id).folder),
  why: `${why}; ${describe(file?.spec)}`,
  remove: () => removeRun(results, experiment, id),
});

function bestItem(results: string, { experiment, id }: StoredRun): Item[] {
  const { best } = runFolder(results, experiment, id);
  if (!existsSync(best)) return [];
  return [
    {
      what: 'best',
      name: `${experiment}/${id}`,
      bytes: bytesAt(best),
      why: 'evaluate and export then have its last weights only',
      remove: () => removeOfRun(results, experiment, id, 'best'),
    },
  ];
}

const mapItems = (): Item[] =>
  sourceMaps().map(({ folder, bytes, remove }) => ({
    what: 'maps',
    name: folder,
    bytes,
    why: 'read by debuggers alone; to have them again: install the packages again',
    remove: () => {
      remove();
      return true;
    },
  }));

const cacheItems = (what: string, which: (folder: string) => boolean, onPart: (what: string) => void): Item[] =>
  cacheParts(which, (name) => onPart(`cache/${name}`)).flatMap(({ name, bytes, folder }) =>
    folder === undefined
      ? []
      : [
          {
            what,
            name: cachePath(name),
            bytes,
            why: `${folder.holds}; to have them again: ${folder.cost}`,
            remove: () => {
              emptyCacheFolder(name);
              return true;
            },
          },
        ],
  );

function overview(items: readonly Item[]): void {
  const rows = Object.entries(kinds).map(([kind, about]) => {
    const own = items.filter(({ what }) => what === kind);
    return [kind, String(own.length), megabytes(sum(own)), about];
  });
  sayTable([['what', 'items', 'size', ''], ...rows]);
  say(
    'Nothing was changed. `equipoise clean WHAT` lists them, with --yes it removes them; `equipoise doctor` explains the cache',
  );
}

function list(items: readonly Item[]): void {
  if (items.length > 0)
    sayTable([
      ['what', 'name', 'size', 'why'],
      ...items.map(({ what, name, bytes, why }) => [what, printable(name), megabytes(bytes), printable(why)]),
    ]);
  say(`would go: ${count(items.length, 'item')}, ${megabytes(sum(items))}. Nothing was changed; --yes removes them`);
}
