/** `equipoise data`: lists, fetches and verifies what the data manifests describe. */
import type { Command } from 'commander';
import type { Progress } from '../sources/content';
import { declaredBytes, fileObjects, type DataManifest } from '../sources/dataManifest';
import { isPinned } from '../sources/pins';
import { linkRelease, pinTask, releasedTaskNames, releaseState } from '../data/readers/recipe';
import { loadSet, setPath } from '../data';
import { countBy } from '../data/sets/checks';
import {
  fetchSources,
  listSources,
  sourceFolder,
  sourceIdentity,
  sourceState,
  verifySources,
} from '../sources/sources';
import { exitCode } from '../problems';
import { setCommands } from './dataSets';

/** Adds `data list`, `data fetch`, `data verify`, `data tasks` and `data import` to the program. Their failures are UserErrors, which `main` prints. */
export function dataCommand(program: Command): void {
  const data = program.command('data').description('fetch and verify data sets and pretrained weights');

  setCommands(data);
  data
    .command('list')
    .description('list every data manifest with its licence, size and state in the cache')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data list\n  equipoise data list --json')
    .action((options: { json?: boolean }) => {
      const rows = listSources().map((manifest) => ({
        name: manifest.name,
        keywords: manifest.keywords,
        bytes: fileObjects(manifest).reduce((sum, file) => sum + declaredBytes(file), 0),
        state: sourceState(manifest),
        license: manifest.license,
        ...placeOf(manifest),
        description: manifest.description,
        citeAs: manifest.citeAs,
        url: manifest.url,
      }));
      if (options.json === true) {
        print(JSON.stringify(rows, null, 2));
        return;
      }
      const width = Math.max(...rows.map((row) => row.name.length));
      for (const row of rows)
        print(
          `${row.name.padEnd(width)}  ${row.state.padEnd(7)}  ${(row.identity === null ? 'not pinned' : megabytes(row.bytes)).padStart(10)}  ${row.keywords.join(', ').padEnd(18)}  ${row.license}`,
        );
    });

  data
    .command('fetch [names...]')
    .description('fetch, verify and unpack the named sources, by default all but whole published checkpoints')
    .option('--from <folder>', 'take files from this folder first, by size and sha256')
    .option('--again', 'throw away what the cache holds and fetch anew')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data fetch\n  equipoise data fetch stories15m twemoji\n  equipoise data fetch scratch --from ~/Downloads\n\nDebian packages come through apt (root is not needed); without apt set EQUIPOISE_DEB_MIRROR.\nThe cache is ~/.cache/equipoise or EQUIPOISE_CACHE. HF_TOKEN is sent to the hub alone.\nWhat a manifest states no hash of (published checkpoints) is pinned at its first fetch, in data-manifests/pins.',
    )
    .action(async (names: string[], options: { from?: string; again?: boolean; json?: boolean }) => {
      const show = progressLines(process.stderr);
      try {
        const opened = await fetchSources(names, {
          from: options.from,
          again: options.again,
          onProgress: show.progress,
        });
        show.end();
        if (options.json === true)
          print(
            JSON.stringify(
              opened.map(({ manifest, folder }) => ({ name: manifest.name, folder })),
              null,
              2,
            ),
          );
        else for (const { manifest, folder } of opened) print(`${manifest.name}  ${folder}`);
      } finally {
        show.end();
      }
    });

  data
    .command('verify [names...]')
    .description('hash every cached file of the named sources, all by default, without a network')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data verify\n  equipoise data verify resnet50-imagenet --json')
    .action(async (names: string[], options: { json?: boolean }) => {
      const show = progressLines(process.stderr, true);
      const reports = await verifySources(names, { onProgress: show.progress });
      show.end();
      if (options.json === true) print(JSON.stringify(reports, null, 2));
      else {
        for (const report of reports) {
          print(
            `${report.name}: ${report.state}${report.files > 0 ? `, ${report.files} files, ${megabytes(report.bytes)}` : ''}`,
          );
          for (const damage of report.damage)
            print(`  ${damage.path}: found ${damage.found}; expected ${damage.expected}`);
          if (report.damage.length > 0) print(`  run \`equipoise data fetch --again ${report.name}\``);
        }
      }
      if (reports.some((report) => report.damage.length > 0)) process.exitCode = exitCode.failed;
    });

  data
    .command('tasks')
    .description('list the published sets and your own tasks, and where their files go')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise data tasks\n  equipoise data tasks --json')
    .action((options: { json?: boolean }) => {
      const rows = releasedTaskNames().map(releaseState);
      if (options.json === true) {
        print(JSON.stringify(rows, null, 2));
        return;
      }
      const width = Math.max(...rows.map((row) => row.name.length));
      for (const row of rows)
        print(`${row.name.padEnd(width)}  ${row.modality}  ${row.state.padEnd(8)}  ${row.folder}`);
    });

  data
    .command('import <task>')
    .description('read, check and keep a published set or a task of your own whose files are in place')
    .option('--from <folder>', 'link this folder to where the files of a published set are looked for')
    .option('--again', 'take the files as they are now, though they differ from the lock')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data import textvqa --from ~/datasets/textvqa\n  equipoise data import bird-calls\n\nA published set is looked for in EQUIPOISE_DATA/<task>. The first import writes the sizes and hashes of its files to\ndata-manifests/locks/<task>.json; later ones must find the same files. docs/data.md says which files each set needs.',
    )
    .action(async (name: string, options: { from?: string; again?: boolean; json?: boolean }) => {
      if (options.from !== undefined) linkRelease(name, options.from);
      process.stderr.write(`${name}  hashing its files\n`);
      const { places, lock } = pinTask(name, options.again);
      const show = progressLines(process.stderr);
      try {
        const set = await loadSet(name, (what, done, total) =>
          show.progress({ source: name, file: what, stage: 'unpack', bytes: done, total }),
        );
        show.end();
        const counts = {
          folder: setPath(name),
          identity: set.identity,
          items: countBy(set.items, (item) => `${item.split} ${item.kind}`),
          media: set.media.size,
          notices: set.notices ?? [],
          lock: lock ?? null,
        };
        if (options.json === true) print(JSON.stringify({ name, ...counts, places }, null, 2));
        else {
          print(
            `${name}: ${set.items.length} questions about ${set.media.size} ${set.modality === 'image' ? 'pictures' : 'sounds'} in ${counts.folder}`,
          );
          for (const [kind, count] of Object.entries(counts.items)) print(`  ${kind}: ${count}`);
          for (const notice of counts.notices) print(`  note: ${notice}`);
          if (lock !== undefined) print(`  the hashes of its files are in ${lock}`);
        }
      } finally {
        show.end();
      }
    });
}

/** Identity and folder of a source; null while files of it are not pinned, since nobody has seen them yet. */
function placeOf(manifest: DataManifest): { identity: string | null; folder: string | null } {
  const known = fileObjects(manifest).every(isPinned);
  return { identity: known ? sourceIdentity(manifest.name) : null, folder: known ? sourceFolder(manifest) : null };
}

/**
 * Shows progress. On a terminal one line is rewritten a few times a second; elsewhere each stage of each file is one
 * line. `quiet` leaves the lines out where there is no terminal.
 */
export function progressLines(
  stream: NodeJS.WriteStream,
  quiet = false,
): { progress: (progress: Progress) => void; end: () => void } {
  let stage = '';
  let drawn = 0;
  let open = false;
  const end = () => {
    if (open) stream.write('\r\u001b[2K');
    open = false;
  };
  const progress = (progress: Progress) => {
    const line = progressLine(progress);
    const now = `${progress.source} ${progress.file} ${progress.stage}`;
    const isNew = now !== stage;
    stage = now;
    if (progress.stage === 'note' || (!stream.isTTY && isNew && !quiet)) {
      end();
      stream.write(`${line}\n`);
      return;
    }
    if (!stream.isTTY || (!isNew && performance.now() - drawn < 200)) return;
    drawn = performance.now();
    stream.write(`\r\u001b[2K${line.slice(0, Math.max(20, (stream.columns || 80) - 1))}`);
    open = true;
  };
  return { progress, end };
}

/** One line for a person: what is done to which file, how far, and any note. */
function progressLine(progress: Progress): string {
  const verbs: Record<Progress['stage'], string> = {
    wait: 'waiting',
    fetch: 'fetching',
    check: 'checking',
    unpack: 'unpacking',
    note: 'note',
    ready: 'ready',
  };
  const size =
    progress.total === 0
      ? ''
      : progress.bytes === 0
        ? `  ${megabytes(progress.total)}`
        : `  ${Math.floor((100 * progress.bytes) / progress.total)}% of ${megabytes(progress.total)}`;
  return `${progress.source}  ${verbs[progress.stage]}${progress.file === progress.source ? '' : ` ${progress.file}`}${size}${progress.note === undefined ? '' : `: ${progress.note}`}`;
}

function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
