/** `equipoise data baseline`: what the questions alone give away, in the metrics that runs are scored by. */
import { Option } from 'commander';
import { loadSet } from '../../data';
import { questionOnlyAnswers } from '../../data/questionOnly';
import type { Item } from '../../data/types';
import { exitCode, userError } from '../../problems';
import { evaluationRecord } from '../../train/evaluate';
import { stored } from '../../train/predictions';
import type { EvaluateRecord } from '../../train/records';
import type { Define } from '../command';
import { stageLine } from '../fetchLines';
import { sayJson, sayTable } from '../text';

interface Row {
  slice: string;
  kind: string;
  n: number;
  exact: number;
  texts: NonNullable<EvaluateRecord['texts']>;
}

/** `data baseline <task>`. */
export const define: Define = (command) => {
  command
    .addOption(
      new Option('--split <name>', 'whose questions are answered')
        .choices(['validation', 'evaluation'])
        .default('evaluation'),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise data baseline daquar\n  equipoise data baseline textvqa --json\n\nEach question is answered with the most frequent training answer to the same question, or to those that begin with\nthe same words, as many as possible. Sets whose questions have choices: `equipoise data preview` and `data probe`.',
    )
    .action(async (task: string, options: { split: 'validation' | 'evaluation'; json?: boolean }) => {
      const set = await loadSet(task, stageLine());
      const answer = questionOnlyAnswers(set.items);
      const items = set.items.filter(({ split, choices }) => split === options.split && choices.length === 0);
      if (items.length === 0)
        throw userError(
          {
            where: `task ${task}`,
            what: `has no question with a free answer in the ${options.split} split`,
            hint: 'for questions with choices, `equipoise data preview` and `data probe` print this baseline',
          },
          exitCode.badInput,
        );
      const rows = await rowsOf(task, items, options.split, answer);
      if (options.json === true) sayJson('data-baseline', { task, split: options.split, rows });
      else sayRows(rows);
    });
};

/** A row for each slice and kind, and one over all. */
async function rowsOf(
  task: string,
  items: readonly Item[],
  split: 'validation' | 'evaluation',
  answer: (item: Item) => string,
): Promise<Row[]> {
  const score = async (slice: string, kind: string, of: readonly Item[]): Promise<Row> => {
    const predictions = of.map((item) =>
      stored(task, { item, generated: answer(item), chosen: null, likelihoods: [], loss: 0, labels: 0 }),
    );
    const { generation, texts } = await evaluationRecord(predictions, 0, split);
    return { slice, kind, n: of.length, exact: generation?.accuracy ?? 0, texts: texts ?? {} };
  };
  const rows: Row[] = [];
  const cells = new Map<string, Item[]>();
  for (const item of items) {
    const key = JSON.stringify([item.slice, item.kind]);
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [item]);
    else cell.push(item);
  }
  for (const [, of] of [...cells].sort(([a], [b]) => (a < b ? -1 : 1)))
    rows.push(await score(of[0]!.slice, of[0]!.kind, of));
  return rows.length === 1 ? rows : [...rows, await score('all', 'all', items)];
}

function sayRows(rows: readonly Row[]): void {
  const metrics = [...new Set(rows.flatMap(({ texts }) => Object.keys(texts)))] as (keyof Row['texts'])[];
  sayTable([
    ['slice', 'kind', 'n', 'exact', ...metrics],
    ...rows.map(({ slice, kind, n, exact, texts }) => [
      slice,
      kind,
      String(n),
      exact.toFixed(3),
      ...metrics.map((metric) => texts[metric]?.value.toFixed(3) ?? ''),
    ]),
  ]);
}
