/** `equipoise evaluate`: a finished run on a task, its own or another of the same modality, after the fact. */
import { Option } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { setIdentity } from '../data';
import { sha256 } from '../files';
import type { RunSpec } from '../manifest/run';
import { taskModality } from '../manifest/taskManifest';
import { printable } from '../printable';
import { exitCode, userError } from '../problems';
import { readEvaluation, writeEvaluation, type EvaluationKey } from '../runner/evaluations';
import { finishedFile, parameterFile, readTrained, type Which } from '../runner/export/trained';
import { resultsFolder, runFolder, type RunFolder } from '../runner/folders';
import { dataIdentity } from '../runner/identify';
import { readResults } from '../runner/results';
import { rooms } from '../runner/rooms';
import type { RunFile } from '../runner/runFile';
import { evaluateTrained, type Evaluated } from '../train/evaluateTrained';
import { prepare } from '../train/prepare';
import type { EvaluateRecord } from '../train/records';
import { methodVersion } from '../version';
import type { Define } from './command';
import { runNamed } from './names';
import { isNamed, onlyRun } from './runNames';
import { columns, note, say, sayJson } from './text';

interface EvaluateOptions {
  task?: string;
  weights: Which;
  json?: boolean;
}

const help = `
A run is named by its id, the beginning of its id, or experiment/id. Another task is answered zero-shot, as those of evaluate.transfer are; the
vocabulary is then that of both tasks, so that likelihoods are over more tokens than in training. Predictions are kept in evaluations/ of the run's folder, and a second call answers from there.

Examples:
  equipoise evaluate 3f2a --task pic-know-qa
  equipoise evaluate quickstart/3f2a --weights best`;

/** Adds `evaluate` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--task <name>', "what is asked; by default the run's own task")
    .addOption(
      new Option('--weights <which>', 'after the last step, or after the best validation')
        .choices(['last', 'best'])
        .default('last'),
    )
    .option('--json', 'print JSON: every metric by kind and slice')
    .addHelpText('after', help)
    .action(async (typed: string, options: EvaluateOptions) => {
      const name = runNamed(typed);
      const found = readResults(resultsFolder()).filter(({ experiment, id }) => isNamed(name, experiment, id));
      const run = onlyRun(
        name,
        [...found].sort((a, b) => Number(b.state === 'done') - Number(a.state === 'done')),
      );
      if (run === null)
        throw userError({
          where: `run "${printable(name)}"`,
          what: 'is not in the results',
          expected: 'the id of a run or its beginning',
          hint: 'equipoise status lists them',
        });
      const paths = runFolder(resultsFolder(), run.experiment, run.id);
      const file = finishedFile(paths, run.id);
      const task = options.task ?? file.spec.task;
      const { evaluated, cached } = await evaluateRun(paths, file, task, options.weights);
      if (options.json === true)
        sayJson('evaluate', { id: run.id, task, weights: options.weights, cached, record: evaluated.record });
      else say(tableOf(evaluated.record));
      if (cached) note(`from evaluations/ of run ${run.id}: nothing was computed`);
    });
};

/**
 * Evaluates a run, or finds what was kept of the same. Throws UserError for what does not fit together or is not there.
 */
async function evaluateRun(
  paths: RunFolder,
  file: RunFile,
  task: string,
  which: Which,
): Promise<{ evaluated: Evaluated; cached: boolean }> {
  const { id, identity } = file;
  const where = `run ${id}`;
  const spec = specFor(file, task);
  const path = which === 'best' ? paths.best : paths.checkpoint;
  const key: EvaluationKey = {
    identity,
    weights: { which, sha256: existsSync(path) ? sha256(readFileSync(path)) : 'none' },
    data: { task, identity: setIdentity(task) },
    method: methodVersion,
  };
  const { found, refused } = await readEvaluation(paths, key);
  if (found !== null) return { evaluated: found, cached: true };
  if (refused !== null) note(`note: evaluated again: ${printable(refused)}`);
  if (which === 'best') parameterFile(paths, file, which);

  if (dataIdentity(file.spec, (task) => setIdentity(task)) !== file.data.identity)
    throw userError({
      where,
      what: `was trained on other data than task ${file.spec.task} has now; its vocabulary cannot be told`,
      hint: 'use the version of Equipoise and the data that it was trained on',
    });
  const facts = await rooms.useBackend({
    name: file.machine.backend as Parameters<typeof rooms.useBackend>[0]['name'],
    device: file.spec.device,
    threads: file.machine.threads,
  });
  const say = (stage: string) => {
    if (!/\d+\/\d+$/.test(stage)) note(`${id}: ${stage}`);
  };
  const prepared = await prepare(spec, say, spec);
  for (const notice of prepared.transfer.find((other) => other.task === task)?.notices ?? [])
    note(`note: ${printable(notice)}`);
  const trained = readTrained(paths, file, which, prepared.model.trainable);
  const evaluated = await evaluateTrained(spec, prepared, trained, task);
  writeEvaluation(paths, key, { backend: facts.name, device: facts.device }, evaluated);
  return { evaluated, cached: false };
}

/** The run's manifest with the task among those it is evaluated on. */
function specFor({ id, spec, code }: RunFile, task: string): RunSpec {
  const where = `run ${id}`;
  if (code.method !== methodVersion)
    throw userError({
      where,
      what: `was trained with method ${code.method ?? 'unknown'}, this is ${methodVersion}`,
      hint: 'train it again: equipoise run',
    });
  if (spec.checkpoint !== undefined)
    throw userError({
      where,
      what: `was trained from the published checkpoint ${spec.checkpoint}`,
      expected: 'a run of the small zoo',
      hint: 'name the other tasks in evaluate.transfer before training',
    });
  const [own, modality] = [taskModality(spec.task), taskModality(task)];
  if (modality === undefined)
    throw userError({
      where: '--task',
      what: `there is no task ${JSON.stringify(printable(task))}`,
      hint: 'equipoise data tasks and docs/data.md list them',
    });
  if (own !== modality)
    throw userError({
      where: '--task',
      what: `${task} is about ${modality}, task ${spec.task} of run ${id} about ${own}`,
      expected: `a task about ${own}`,
    });
  const others = spec.evaluate.transfer ?? [];
  if (task === spec.task || others.includes(task)) return spec;
  if (spec.tuning.backbone.kind === 'full')
    throw userError(
      {
        where,
        what: 'trained the rows of its vocabulary in full; those of other words were never trained with it',
        expected: 'a run with LoRA or a frozen backbone',
        hint: `name ${task} in evaluate.transfer before training`,
      },
      exitCode.badInput,
    );
  return { ...spec, evaluate: { ...spec.evaluate, transfer: [...others, task] } };
}

function tableOf(record: EvaluateRecord): string {
  const score = (of: { accuracy: number } | undefined) => of?.accuracy.toFixed(3) ?? '–';
  const kinds = [
    ...new Set([...Object.keys(record.choiceByKind), ...Object.keys(record.generationByKind ?? {})]),
  ].sort();
  const more = Object.entries(record.texts ?? {})
    .map(([metric, { value }]) => `${metric} ${value.toFixed(3)}`)
    .join(' ');
  const table = columns([
    ['kind', 'questions', 'choice', 'generation'],
    ...kinds.map((kind) => [
      kind,
      String(record.generationByKind?.[kind]?.total ?? record.choiceByKind[kind]?.total ?? 0),
      score(record.choiceByKind[kind]),
      score(record.generationByKind?.[kind]),
    ]),
    [
      'all',
      String(record.generation?.total ?? record.choice.total),
      record.choice.total === 0 ? '–' : score(record.choice),
      score(record.generation),
    ],
  ]);
  return more === '' ? table : `${table}\n${more}`;
}
