/**
 * What `--json` prints: one object a command, whose `format` names its schema and version. Fields are added within a
 * version; whatever is changed or taken away raises it. Published as output.schema.json, which
 * `npx ts-node src/cli/writeOutputs.ts` writes; tests hold what commands print to it.
 */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const number: Schema = { type: 'number' };
const whole: Schema = { type: 'integer' };
const flag: Schema = { type: 'boolean' };
const anything: Schema = {};
const list = (items: Schema): Schema => ({ type: 'array', items });
const byName = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const oneOf = (...values: string[]): Schema => ({ enum: values });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const said = (schema: Schema, description: string): Schema => ({ ...schema, description });

/** An object with these fields, those of `more` only sometimes; others may be added within a version. */
const object = (fields: Readonly<Record<string, Schema>>, more: Readonly<Record<string, Schema>> = {}): Schema => ({
  type: 'object',
  properties: { ...fields, ...more },
  required: Object.keys(fields),
});

const id = said(text, 'first 16 hexadecimal digits of the identity of a run');
const reason = object({ id, reason: text });
const problem = object({ where: text, what: text }, { expected: text, hint: text });
const states = object({ new: whole, done: whole, partial: whole, failed: whole });
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
const difference = object({ field: text, here: anything, there: anything });
const job = object({ id, job: whole, task: whole, state: text, time: text, node: text, reason: text });
const setting = object({
  key: said(text, 'of the setting, the same as long as its specification is'),
  panel: text,
  setting: said(text, 'the learning rates'),
  method: text,
  n: said(whole, 'seeds that count'),
});
const needs = object({
  parameters: number,
  trainable: object({ encoder: number, backbone: number }),
  memory: said(byName(number), 'bytes'),
  step: object({ flops: number, movedBytes: number }),
  measured: object({ flops: number, movedBytes: number }),
});
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
const row = object({ slice: text, kind: text });

interface Output {
  /** the command, with the options that lead to it */
  command: string;
  about: string;
  fields: Schema;
}

/** By name: `format` is `equipoise-NAME-output/1`. */
export const outputs = {
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
        object({
          claim: object({ id: text }),
          verdict: text,
          estimate: anything,
          low: orNull(number),
          high: orNull(number),
          p: orNull(number),
          corrected: orNull(number),
          why: orNull(text),
        }),
      ),
    }),
  },
  keep: {
    command: 'keep',
    about: 'the file of kept runs',
    fields: object({ path: text, runs: whole, bytes: whole, ignored: list(reason) }),
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
  'data-list': {
    command: 'data list',
    about: 'the data manifests',
    fields: object({
      sources: list(
        object({
          name: text,
          keywords: list(text),
          bytes: number,
          state: text,
          license: text,
          identity: orNull(text),
          folder: orNull(text),
        }),
      ),
    }),
  },
  'data-fetch': {
    command: 'data fetch',
    about: 'where the fetched sources lie',
    fields: object({ sources: list(object({ name: text, folder: text })) }),
  },
  'data-verify': {
    command: 'data verify',
    about: 'sources with their damage',
    fields: object({
      sources: list(
        object({
          name: text,
          state: text,
          files: whole,
          bytes: number,
          damage: list(object({ path: text, found: text, expected: text })),
        }),
      ),
    }),
  },
  'data-tasks': {
    command: 'data tasks',
    about: 'the published sets and your own tasks',
    fields: object({ tasks: list(object({ name: text, modality: text, state: text, folder: text, license: text })) }),
  },
  'data-import': {
    command: 'data import',
    about: 'a set that was read and kept',
    fields: object({
      name: text,
      folder: text,
      identity: text,
      items: byName(whole),
      media: whole,
      notices: list(text),
      lock: orNull(text),
      places: { type: 'array' },
    }),
  },
  'data-preview': {
    command: 'data preview',
    about: 'the card of a generated set',
    fields: object({ task: text, card: { type: 'object' } }),
  },
  'data-probe': {
    command: 'data probe',
    about: 'accuracies of linear probes',
    fields: object({
      task: text,
      encoder: text,
      split: text,
      rows: list({ allOf: [row, object({ total: whole, chance: number, prior: number, probe: number })] }),
    }),
  },
  'data-baseline': {
    command: 'data baseline',
    about: 'scores of guesses from the questions alone',
    fields: object({
      task: text,
      split: text,
      rows: list({ allOf: [row, object({ n: whole, exact: number, texts: { type: 'object' } })] }),
    }),
  },
  doctor: {
    command: 'doctor',
    about: 'backends, tools and caches of this machine',
    fields: object({
      node: object({ version: text, supported: flag }),
      system: text,
      backends: list(object({ name: text, works: flag, problem: text })),
      linked: orNull({ type: 'object' }),
      cache: object({ folder: text, parts: list(object({ name: text, bytes: number })) }),
      tools: list(object({ name: text, path: orNull(text), use: text })),
      missing: list(object({ what: text, command: text })),
      link: orNull({ type: 'object' }),
    }),
  },
  'check-model': {
    command: 'check-model',
    about: 'a checkpoint against the numbers of a reference implementation',
    fields: object({
      backend: { type: 'object' },
      folder: text,
      family: text,
      failures: list(text),
      notices: list(text),
      trajectory: list({ type: 'object' }),
      worst: { type: 'object' },
    }),
  },
  resources: {
    command: 'resources',
    about: 'what a step of each model needs',
    fields: object({
      size: object({ batch: whole, text: whole, labels: whole }),
      backend: text,
      models: list(object({ name: text, family: text, defaults: { type: 'object' }, needs })),
      measured: orNull({ type: 'object' }),
    }),
  },
} satisfies Readonly<Record<string, Output>>;

export type OutputName = keyof typeof outputs;

/** What `format` says of an output. */
export const formatOf = (name: OutputName): string => `equipoise-${name}-output/1`;

/** The schema of all outputs, told apart by their `format`. */
export function outputSchema(): Schema {
  const definitions = Object.entries<Output>(outputs).map(([name, { command, about, fields }]) => {
    const { properties, required } = fields as { properties: object; required: string[] };
    return [
      name,
      {
        description: `equipoise ${command}: ${about}`,
        ...fields,
        properties: { format: { const: formatOf(name as OutputName) }, ...properties },
        required: ['format', ...required],
      },
    ] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:equipoise:output',
    title: 'What equipoise prints with --json',
    description: 'One object, whose format names one of these. Reference: docs/commands.md.',
    oneOf: definitions.map(([name]) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(definitions),
  };
}

/** The text of output.schema.json. */
export const outputSchemaText = (): string => `${JSON.stringify(outputSchema(), null, 2)}\n`;

/** The table of docs/commands.md. */
export const outputTable = (): string =>
  [
    '| format | command | what it says |',
    '|---|---|---|',
    ...Object.entries<Output>(outputs).map(
      ([name, { command, about }]) => `| \`${formatOf(name as OutputName)}\` | \`${command}\` | ${about} |`,
    ),
  ].join('\n');
