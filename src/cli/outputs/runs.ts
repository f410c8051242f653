/** Outputs of the commands that plan, train, list and remove runs, and of errors. */
import {
  text,
  number,
  whole,
  flag,
  anything,
  list,
  oneOf,
  orNull,
  said,
  object,
  id,
  reason,
  problem,
  needs,
  type Output,
  type Schema,
} from './fields';

const states = object({ new: whole, done: whole, partial: whole, failed: whole });
const difference = object({ field: text, here: anything, there: anything });
const job = object({ id, job: whole, task: whole, state: text, time: text, node: text, reason: text });
const setting = object({
  key: said(text, 'of the setting, the same as long as its specification is'),
  panel: text,
  setting: said(text, 'the learning rates'),
  method: text,
  n: said(whole, 'seeds that count'),
});
const array = object({ runs: list(id) }, { job: whole, name: text, script: text, resources: anything });
const shown = object({ what: text, name: text, bytes: number, why: text });
const removable = object({ experiment: text, id, state: text, bytes: number });
const counted = object({ id, seed: whole, counts: flag });
const side = object(
  { experiment: text },
  { id, state: text, description: text, ...(setting['properties'] as Record<string, Schema>), runs: list(counted) },
);
const numbers = object({
  name: text,
  a: orNull(number),
  b: orNull(number),
  difference: said(orNull(number), 'b - a; of settings the mean over pairs of equal seed'),
  low: orNull(number),
  high: orNull(number),
  pairs: orNull(whole),
  p: said(orNull(number), 'of the paired t test, not corrected'),
});

/** By name. */
export const runOutputs = {
  error: {
    command: 'any with --json',
    about: 'why a command could not do what it was asked; its exit code is the same as without --json',
    fields: object({ exitCode: whole, problems: list(problem) }),
  },
  plan: {
    command: 'plan',
    about: 'the runs of a manifest with their states',
    fields: object(
      {
        experiment: text,
        manifest: object({ file: text, sha256: text, profile: orNull(text) }),
        runs: list(
          object(
            {
              id,
              identity: text,
              state: oneOf('new', 'done', 'partial', 'failed'),
              why: text,
              description: text,
              claimed: said(flag, 'a living runner trains it now'),
              elsewhere: said(orNull(text), 'the experiment that holds the finished run'),
              arithmetic: text,
              spec: said({ type: 'object' }, 'the resolved run'),
            },
            { needs: orNull(needs) },
          ),
        ),
        totals: states,
        workers: whole,
        estimate: object({ seconds: orNull(number), known: whole, unknown: whole }),
      },
      { parts: list({ type: 'object' }) },
    ),
  },
  run: {
    command: 'run',
    about: 'what came of each run',
    fields: object({
      experiment: text,
      interrupted: flag,
      totals: states,
      toCopy: said(whole, 'runs that are done in other experiments alone'),
      runs: list(
        object({
          id,
          description: text,
          ending: object({ kind: oneOf('trained', 'copied', 'elsewhere', 'stopped', 'failed') }),
        }),
      ),
    }),
  },
  'run-again': {
    command: 'run --again',
    about: 'runs that were trained anew, each with the files that came out otherwise',
    fields: object({ experiment: text, asked: whole, runs: list(object({ id, differs: list(text) })) }),
  },
  'run-slurm': {
    command: 'run --launcher slurm',
    about: 'the job arrays that were submitted',
    fields: object({
      experiment: text,
      folder: orNull(text),
      arrays: list(array),
      skipped: object({ queued: list(id), training: list(id) }),
      copied: whole,
    }),
  },
  'run-slurm-scripts': {
    command: 'run --launcher slurm --print',
    about: 'the scripts that would be submitted',
    fields: object({ experiment: text, arrays: list(array) }),
  },
  status: {
    command: 'status',
    about: 'runs of every experiment by state',
    fields: object({
      experiments: list(
        object({ experiment: text, done: whole, running: whole, partial: whole, failed: whole }, { slurm: list(job) }),
      ),
    }),
  },
  'status-runs': {
    command: 'status EXPERIMENT',
    about: 'the runs of one experiment, chosen and ordered as asked',
    fields: object(
      {
        experiment: text,
        total: said(whole, 'runs before --where'),
        runs: list(
          object({
            id,
            state: oneOf('done', 'running', 'partial', 'failed'),
            step: whole,
            steps: whole,
            why: text,
            description: text,
            accuracy: orNull(number),
            backend: orNull(text),
            times: orNull({ type: 'object' }),
            notices: list(text),
          }),
        ),
      },
      { slurm: list(job) },
    ),
  },
  'status-settings': {
    command: 'status EXPERIMENT --group seed',
    about: 'the settings of one experiment, each with its seeds folded',
    fields: object({
      experiment: text,
      total: whole,
      varied: said(list(text), 'options that differ between settings'),
      ignored: list(reason),
      settings: list({
        allOf: [
          setting,
          object({
            mean: said(orNull(number), 'accuracy'),
            exact: orNull(number),
            loss: orNull(number),
            kappa: said(orNull(number), 'mean log kappa'),
            lowest: orNull(number),
            highest: orNull(number),
            choice: text,
            generation: text,
            lossText: text,
            kappaText: text,
            options: { type: 'object' },
            runs: list(counted),
          }),
        ],
      }),
    }),
  },
  compare: {
    command: 'compare',
    about: 'two runs or settings: what differs, and the numbers side by side',
    fields: object({
      what: oneOf('runs', 'settings'),
      a: side,
      b: side,
      differences: list(object({ field: text, a: anything, b: anything })),
      numbers: list(numbers),
    }),
  },
  cancel: {
    command: 'cancel',
    about: 'the jobs that were cancelled',
    fields: object({ experiment: text, cancelled: list(job) }),
  },
  why: {
    command: 'why',
    about: 'a run, and the finished run that differs least',
    fields: object({
      id,
      experiment: text,
      state: text,
      why: text,
      description: text,
      nearest: orNull(object({ experiment: text, id, differences: list(difference) })),
    }),
  },
  remove: {
    command: 'remove',
    about: 'runs that go, or went (`removed`)',
    fields: object({ removed: flag, runs: list(removable), stays: list(removable), bytes: number }),
  },
  clean: {
    command: 'clean',
    about: 'what can go, or went (`removed`)',
    fields: object({ removed: flag, items: list(shown), bytes: number }),
  },
} satisfies Readonly<Record<string, Output>>;
