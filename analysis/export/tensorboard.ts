/** The journals as TensorBoard's event files: a folder a run, below its panel, method and setting. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/files';
import type { Run } from '../aggregate';
import { fileHead, scalars, sessionEnd, sessionStart, type HyperParameter } from './eventFile';
import { namedValues, recordsOf, settingsOf } from './tidy';

/** A run's folder, its path with slashes. */
export interface WrittenEvents {
  run: string;
  folder: string;
  /** scalars */
  values: number;
}

/** Longest name of a folder: what every file system takes, with room for an id. */
const longestName = 100;

/** A label as the name of a folder on any system; one of dots alone would lead elsewhere. */
const folderName = (label: string): string =>
  label
    .replaceAll('×', 'x')
    .replace(/[<>:"/\\|?*\p{Cc}]/gu, '-')
    .slice(0, longestName)
    .replace(/[. ]+$/, '') || '_';

/** The folder of each run, in their order; none is another's, also where letters' case does not count. */
export function eventFolders(runs: readonly Run[]): string[] {
  const taken = new Set<string>();
  return runs.map(({ id, panel, method, setting, seed }) => {
    const plain = [panel, method, setting, `seed-${seed}`].map(folderName).join('/');
    const folder = taken.has(plain.toLowerCase()) ? `${plain}-${id}` : plain;
    taken.add(folder.toLowerCase());
    return folder;
  });
}

/** Settings in which the runs differ, with the labels under which tables know them. */
function hyperParameters(runs: readonly Run[]): [string, HyperParameter][][] {
  const settings = runs.map(settingsOf);
  const paths = [...new Set(settings.flatMap((each) => Object.keys(each)))].sort();
  const varying = paths.filter((path) => new Set(settings.map((each) => each[path])).size > 1);
  return runs.map(({ panel, method, setting }, i) => [
    ...Object.entries({ panel, method, setting }),
    ...varying.flatMap((path): [string, HyperParameter][] => {
      const value = settings[i]![path];
      return value === undefined || value === null ? [] : [[path, value]];
    }),
  ]);
}

/** Seconds since 1970 of a step: journals hold no times, so the run's mean time of a step stands for each. */
function clockOf({ file: { times } }: Run): (step: number) => number {
  const started = Date.parse(times.started) / 1000;
  return (step) => (Number.isFinite(started) ? started : 0) + step * times.secondsPerStep;
}

/** Writes the event files of all runs into `folder`, with the settings in which they differ for the dashboard HPARAMS. */
export function writeEvents(runs: readonly Run[], folder: string): WrittenEvents[] {
  const folders = eventFolders(runs);
  const settings = hyperParameters(runs);
  return runs.map((run, i) => {
    const seconds = clockOf(run);
    const group = [run.panel, run.method, run.setting].join(' · ');
    const parts = [fileHead(seconds(0)), sessionStart(seconds(0), group, settings[i]!)];
    let values = 0;
    for (const record of recordsOf(run)) {
      const named = namedValues(record);
      if (named.length === 0) continue;
      parts.push(scalars(seconds(record.step), record.step, named));
      values += named.length;
    }
    parts.push(sessionEnd(seconds(run.file.step)));
    const path = join(folder, ...folders[i]!.split('/'));
    mkdirSync(path, { recursive: true });
    writeWhole(join(path, `events.out.tfevents.${Math.floor(seconds(0))}.equipoise`), Buffer.concat(parts));
    return { run: run.id, folder: folders[i]!, values };
  });
}
