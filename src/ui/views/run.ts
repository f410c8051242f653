/** The view *Run*: everything that is known of one run. */
import { existsSync, readdirSync, readFileSync, statSync, openSync, readSync, closeSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { leaves } from '../../../analysis/labels';
import { expand } from '../../manifest/expand';
import { leaveOutDefaults, statedRun } from '../../manifest/defaults';
import { runKey } from '../../manifest/profiles';
import type { RunSpec } from '../../manifest/run';
import type { RunFile } from '../../runner/runFile';
import { settingKey } from '../fold';
import { charts } from '../metrics';
import type { ExperimentPlace, Library } from '../library';
import { wordsOf } from './now';

const mostPoints = 1200;
const logBytes = 16 * 1024;

/** A manifest that names one run and no other; null where its specification cannot be said so. */
export function manifestOfRun(spec: RunSpec, name: string): string | null {
  const { duration, measure, evaluate, device: _device, ...fields } = statedRun(spec) as Record<string, unknown>;
  const content = {
    name,
    about: {
      what: 'One run again.',
      command: `equipoise run ${name}.json`,
      expectedTime: 'as long as before',
      lookFor: 'the same numbers',
    },
    fixed: { ...requiredOf(spec), ...fields },
    ...(duration as object),
    ...(measure === undefined ? {} : { measure }),
    ...(evaluate === undefined ? {} : { evaluate }),
  };
  try {
    const runs = expand({
      name,
      about: content.about,
      file: `${name}.json`,
      sha256: '',
      profile: null,
      content: content as never,
      warnings: [],
    });
    return runs.length === 1 && runKey(runs[0]!) === runKey(spec) ? `${JSON.stringify(content, null, 2)}\n` : null;
  } catch {
    return null;
  }
}

/** What a manifest must name, default or not. */
const requiredOf = ({ task, encoder, backbone, checkpoint }: RunSpec): Record<string, unknown> =>
  checkpoint === undefined ? { task, encoder, backbone } : { task, checkpoint };

/** The last lines of a text file; empty where there is none. */
function lastLines(path: string): string {
  if (!existsSync(path)) return '';
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, logBytes));
    readSync(file, tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8');
  } finally {
    closeSync(file);
  }
}

/** Files of the run with their sizes, checkpoints among them. */
function filesOf(folder: string): { name: string; bytes: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      name: path.slice(folder.length + 1),
      bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Facts of run.json in words. */
function factsOf({ code, data, weights, machine, times }: RunFile): [string, string][] {
  return [
    ['Started', times.started],
    ['Finished', times.finished ?? 'not yet'],
    ['Seconds in training', times.trainSeconds.toFixed(1)],
    ['Seconds in evaluation', times.evaluateSeconds.toFixed(1)],
    [
      'Code',
      `${code.version}, method ${code.method ?? '–'}, commit ${code.commit ?? 'unknown'}${code.dirty ? ' with changes' : ''}`,
    ],
    [
      'Machine',
      `${machine.backend} on ${machine.device}, ${machine.threads} thread, node ${machine.node}, TensorFlow ${machine.tensorflow ?? '–'}`,
    ],
    ['Data', `${data.task} ${data.identity}`],
    ...Object.entries(weights).map(([name, hash]): [string, string] => [`Weights ${name}`, hash]),
  ];
}

/** Everything of one run. Throws NotListed. */
export async function runView(library: Library, place: ExperimentPlace, id: string) {
  const { run, paths } = await library.run(place, id);
  const journal = await library.journal(place, id);
  const { file } = run;
  const special = file === null ? new Map<string, string>() : leaves(leaveOutDefaults(file.spec));
  return {
    experiment: place.key,
    id,
    words: wordsOf(file?.spec),
    state: run.state,
    why: run.why,
    step: run.step,
    steps: run.steps,
    setting: file === null ? null : settingKey(file.spec),
    manifest: file === null ? null : manifestOfRun(file.spec, `again-${id.slice(0, 6)}`),
    options:
      file === null ? [] : [...leaves(file.spec)].map(([path, value]) => ({ path, value, own: special.has(path) })),
    facts: file === null ? [] : factsOf(file),
    final: file?.final ?? null,
    notices: [...(file?.notices ?? []), ...journal.notices.map(({ step, message }) => `step ${step}: ${message}`)],
    damaged: journal.damaged,
    log: lastLines(paths.log),
    files: filesOf(paths.folder),
    hasPredictions: existsSync(paths.predictions),
    runJson: existsSync(paths.runJson) ? readFileSync(paths.runJson, 'utf8') : '',
    charts,
    series: journal.thinned(mostPoints),
  };
}
