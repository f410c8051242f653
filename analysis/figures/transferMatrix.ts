/** Zero-shot transfer: accuracy on each task after training on each, a cell a pair. */
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, panelTitle } from '../layers';
import { pages } from '../panels';
import { abreast, inOrder, type Spec } from '../style';
import { grouped } from '../grouped';
import { shareInterval } from '../statistics';

type Outcome = { trained: string; evaluated: string; method: string; accuracy: number };
type Row = {
  method: string;
  trained: string;
  evaluated: string;
  /** mean choice accuracy over seeds */
  accuracy: number;
  low: number | null;
  high: number | null;
  n: number;
};

export const transferMatrix: FigureDefinition<Row> = {
  name: 'transfer-matrix',
  title: 'Zero-shot transfer between tasks',
  shows: 'zero-shot transfer: accuracy on each task after training on each',
  width: 'page',
  needs: 'finished runs that were evaluated on other tasks (`evaluate.transfer`)',

  async select(journals) {
    const outcomes = await journals.rows<Outcome>(`
      select runs.task as trained, transfer.task as evaluated, method, choice as accuracy, seed, id
      from transfer join runs using (id) where choice is not null
      union all
      select task, task, method, choice, seed, id
      from final join runs using (id) where choice is not null and id in (select id from transfer)
      order by method, trained, evaluated, seed, id`);
    return grouped(outcomes, (outcome) => JSON.stringify([outcome.method, outcome.trained, outcome.evaluated])).map(
      (group): Row => {
        const { n, mean, low, high } = shareInterval(group.map(({ accuracy }) => accuracy));
        const { method, trained, evaluated } = group[0]!;
        return { method, trained, evaluated, accuracy: mean, low, high, n };
      },
    );
  },

  caption: (rows) =>
    [
      `Choice accuracy on the evaluation split of each task (columns) after training on another (rows): mean of ${seedCount(rows)}.`,
      "On the diagonal the task itself. A task's chance level stands in its data card.",
    ].join(' '),

  build(rows, room) {
    const across = pages(inOrder.method(rows), abreast(4, room));
    const blocks = tasksThatMeet(rows);
    return {
      title: footnote(`Mean of ${seedCount(rows)}.`),
      columns: across[0]!.length,
      concat: blocks.flatMap((tasks, i) => {
        const lowest = i === blocks.length - 1;
        return across.flatMap((shown) => shown.map((method, j) => cells(tasks, method, { leftmost: j === 0, lowest })));
      }),
    };
  },
};

/**
 * The matrix of one method over tasks that meet; the leftmost names the tasks trained on, the lowest has the title of
 * those evaluated on.
 */
function cells(tasks: string[], method: string, { leftmost, lowest }: { leftmost: boolean; lowest: boolean }): Spec {
  const accuracy = { field: 'accuracy', type: 'quantitative' };
  const x = {
    field: 'evaluated',
    type: 'nominal',
    title: lowest ? 'evaluated on' : null,
    sort: tasks,
    scale: { domain: tasks },
    axis: { labelAngle: -30, grid: false },
  };
  const y = {
    field: 'trained',
    type: 'nominal',
    title: leftmost ? 'trained on' : null,
    sort: tasks,
    scale: { domain: tasks },
    axis: { grid: false, ...(leftmost ? {} : { labels: false, ticks: false }) },
  };
  const shade = {
    ...accuracy,
    title: 'accuracy',
    scale: { domain: [0, 1], range: ['#f4f4f4', '#3c6fa5'] },
    legend: { gradientLength: 80, gradientThickness: 6, tickCount: 3 },
  };
  const ink = { condition: { test: 'datum.accuracy > 0.6', value: 'white' }, value: 'black' };
  return {
    title: panelTitle(method.replace(')', '').split(/ \(|, /)),
    transform: [{ filter: { field: 'method', equal: method } }, { filter: { field: 'trained', oneOf: tasks } }],
    height: 20 * tasks.length,
    layer: [
      { mark: { type: 'rect' }, encoding: { x, y, color: shade } },
      { mark: { type: 'text', fontSize: 7 }, encoding: { x, y, text: { ...accuracy, format: '.2f' }, color: ink } },
    ],
  };
}

/** Tasks in blocks within which runs were evaluated on each other, as pictures and sounds never are. */
function tasksThatMeet(rows: readonly Row[]): string[][] {
  const blocks: Set<string>[] = [];
  for (const { trained, evaluated } of rows) {
    const met = blocks.filter((block) => block.has(trained) || block.has(evaluated));
    const merged = new Set([trained, evaluated, ...met.flatMap((block) => [...block])]);
    for (const block of met) blocks.splice(blocks.indexOf(block), 1);
    blocks.push(merged);
  }
  return blocks.map((block) => [...block].sort()).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}
