/** Outputs of the commands that draw, score and hand on what runs are. */
import {
  text,
  number,
  whole,
  flag,
  anything,
  list,
  byName,
  oneOf,
  orNull,
  said,
  object,
  id,
  reason,
  type Output,
} from './fields';

const score = object({ correct: whole, total: whole, accuracy: number });
const record = said(
  object(
    {
      step: whole,
      split: text,
      loss: number,
      choice: score,
      choiceByKind: byName(score),
      choiceBySlice: byName(score),
    },
    { task: text, generation: score, generationByKind: byName(score), texts: byName(object({ value: number })) },
  ),
  'an evaluation, as journals record it',
);
const made = list(
  object({
    experiment: text,
    folder: text,
    out: text,
    written: said(list(text), 'paths of the files'),
    skipped: list(object({ name: text, reason: text })),
    ignoredRuns: list(reason),
    runs: whole,
    notices: list(text),
  }),
);

/** By name. */
export const analysisOutputs = {
  figures: { command: 'figures', about: 'the figures that were drawn', fields: object({ experiments: made }) },
  tables: { command: 'tables', about: 'the tables that were made', fields: object({ experiments: made }) },
  report: {
    command: 'report',
    about: 'the pages that were written',
    fields: object({ pages: list(object({ experiment: text, path: text, runs: whole, notices: list(text) })) }),
  },
  claims: {
    command: 'claims',
    about: 'each claim with its verdict',
    fields: object({
      claims: list(
        object(
          {
            claim: object({ id: text }),
            verdict: text,
            estimate: anything,
            low: orNull(number),
            high: orNull(number),
            p: orNull(number),
            corrected: orNull(number),
            why: orNull(text),
          },
          {
            checked: said(text, 'what its manipulation check found'),
            absent: said(flag, 'true: no run here is of either of its sides'),
          },
        ),
      ),
    }),
  },
  keep: {
    command: 'keep',
    about: 'the file of kept runs',
    fields: object({
      path: text,
      runs: whole,
      answers: said(whole, 'runs whose answers were kept'),
      bytes: whole,
      ignored: list(reason),
    }),
  },
  score: {
    command: 'score',
    about: 'the metrics of finished runs from their predictions',
    fields: object({ runs: list(object({ id, record, agrees: said(flag, 'run.json says the same') })) }),
  },
  evaluate: {
    command: 'evaluate',
    about: 'an evaluation of a finished run',
    fields: object({ id, task: text, weights: oneOf('last', 'best'), cached: flag, record }),
  },
  'export-metrics': {
    command: 'export metrics',
    about: 'what was written, or sent to a server',
    fields: object(
      {
        experiment: text,
        kind: oneOf('parquet', 'csv', 'tensorboard', 'mlflow'),
        runs: whole,
        ignored: list(reason),
        notices: list(text),
      },
      {
        out: text,
        tables: list(object({ table: text, file: text, rows: whole })),
        events: list({ type: 'object' }),
        server: text,
        experimentId: text,
        sent: list(object({ run: text, known: flag })),
      },
    ),
  },
  'export-peft': {
    command: 'export peft',
    about: 'the adapters that were written',
    fields: object({
      runs: list(
        object({ id, out: text, step: whole, backbone: oneOf('adapter', 'whole', 'frozen'), files: list(text) }),
      ),
    }),
  },
  'export-backbone': {
    command: 'export backbone',
    about: 'the weights that were written',
    fields: object({ files: list(text) }, { out: text }),
  },
  'export-ro-crate': {
    command: 'export ro-crate',
    about: 'the crate that was written',
    fields: object({ out: text, runs: whole, files: whole, notices: list(text) }),
  },
  verify: {
    command: 'verify',
    about: 'what the checks of a crate found',
    fields: object({
      crate: text,
      experiment: orNull(text),
      runs: whole,
      passed: flag,
      checks: list(object({ name: text, made: flag, failures: list(text) })),
      notes: list(text),
    }),
  },
} satisfies Readonly<Record<string, Output>>;
