/**
 * The paper's numbers beside ours. They are not part of this project: a user enters them in
 * data-manifests/paper-values.json from the paper's tables. Until then there is no such table. Tasks are named as in
 * manifests; the default sets are not the paper's tasks, so an entry for `textvqa` never stands beside a run on another
 * set.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv/dist/2020';
import { projectRoot } from '../src/files';
import { userError } from '../src/problems';
import { equalRates, equalSettingOf, orderMethods } from './labels';
import type { PageTable } from './reportHtml';
import { shareInterval } from './statistics';
import { consecutive, estimateText } from './table';

/** One number of the paper: accuracy as a share (0.412 for 41.2 %), and where it stands. */
export interface PaperValue {
  task: string;
  method: string;
  value: number;
  /** table and row of the paper */
  source: string;
}

const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['values'],
  properties: {
    about: { type: 'string' },
    values: {
      type: 'array',
      maxItems: 10_000,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['task', 'method', 'value', 'source'],
        properties: {
          task: { type: 'string', minLength: 1 },
          method: { type: 'string', minLength: 1 },
          value: { type: 'number', minimum: 0, maximum: 1 },
          source: { type: 'string', minLength: 1 },
        },
      },
    },
  },
} as const;

/** Where they are entered, from the project's folder. */
export const paperValuesFile = 'data-manifests/paper-values.json';
const paperValuesPath = join(projectRoot, ...paperValuesFile.split('/'));

/** Made on first use. */
let check: ValidateFunction | undefined;

/** The entered numbers; none without the file. Throws UserError for a file that is not as described. */
export function readPaperValues(path = paperValuesPath): PaperValue[] {
  if (!existsSync(path)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw userError({ where: path, what: `is not JSON: ${(error as Error).message}` });
  }
  check ??= new Ajv({ allErrors: false }).compile(schema);
  if (!check(content)) {
    const fault = check.errors![0]!;
    throw userError({
      where: `${path} ${fault.instancePath}`,
      what: fault.message ?? 'is not as described',
      expected: '{ "values": [{ "task", "method", "value" (a share, 0..1), "source" }] }',
    });
  }
  return (content as { values: PaperValue[] }).values;
}

/** Accuracy at equal rates, ours and the paper's where one was entered for the same task and method; null where none was. */
export function besidePaper(
  finals: readonly { panel: string; task: string; setting: string; method: string; accuracy: number }[],
  paper: readonly PaperValue[],
): PageTable | null {
  const setting = equalSettingOf(finals.map((run) => run.setting)) ?? equalRates;
  const here = finals.filter((run) => run.setting === setting);
  const rows = [...new Set(here.map((run) => run.panel))].flatMap((panel) =>
    orderMethods(here.filter((run) => run.panel === panel).map((run) => run.method)).map((method) => {
      const own = here.filter((run) => run.panel === panel && run.method === method);
      const entered = paper.filter((value) => value.task === own[0]!.task && value.method === method);
      return { panel, method, estimate: shareInterval(own.map((run) => run.accuracy)), entered };
    }),
  );
  if (rows.every(({ entered }) => entered.length === 0)) return null;
  return {
    name: 'paper',
    title: 'Beside the paper',
    caption: `Final choice accuracy at ${setting}: mean over seeds with 95 % Student t interval. The paper's numbers are those of ${paperValuesFile}; models and data of the default sets are not the paper's.`,
    layout: {
      columns: [
        { header: 'Task', numeric: false },
        { header: 'Method', numeric: false },
        { header: 'n', numeric: true },
        { header: 'Here', numeric: true },
        { header: 'Paper', numeric: true },
        { header: 'Source', numeric: false },
      ],
      groups: consecutive(rows, (row) => row.panel).map((group) =>
        group.map(({ panel, method, estimate, entered }) => [
          { text: panel },
          { text: method },
          { text: String(estimate.n) },
          { text: estimateText(estimate.mean, estimate.low, estimate.high) },
          { text: entered.map(({ value }) => value.toFixed(3)).join(', ') },
          { text: entered.map(({ source }) => source).join('; ') },
        ]),
      ),
    },
  };
}
