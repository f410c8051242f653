/** Zero-shot transfer: accuracy on each task after training on each, a cell a pair. */
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { shareInterval } from '../statistics';
import { inOrder, panels } from '../style';

type Outcome = { trained: string; evaluated: string; method: string; accuracy: number };
type Row = { method: string; trained: string; evaluated: string; /** mean choice accuracy over seeds */ accuracy: number; low: number | null; high: number | null; n: number };

export const transferMatrix: FigureDefinition<Row> = {
  name: 'transfer-matrix',
  title: 'Zero-shot transfer between tasks',
  width: 'page',
  needs: 'finished runs that were evaluated on other tasks (`evaluate.transfer`)',

  async select(journals) {
    const outcomes = await journals.rows<Outcome>(`
      select runs.task as trained, transfer.task as evaluated, method, choice as accuracy, seed, id from transfer join runs using (id) where choice is not null
      union all select task, task, method, choice, seed, id from final join runs using (id) where choice is not null and id in (select id from transfer)
      order by method, trained, evaluated, seed, id`);
    return grouped(outcomes, (outcome) => JSON.stringify([outcome.method, outcome.trained, outcome.evaluated])).map((group): Row => {
      const { n, mean, low, high } = shareInterval(group.map(({ accuracy }) => accuracy));
      const { method, trained, evaluated } = group[0]!;
      return { method, trained, evaluated, accuracy: mean, low, high, n };
    });
  },

  caption: (rows) => `Choice accuracy on the evaluation split of each task (columns) after training on another (rows): mean of ${seedCount(rows.map((row) => row.n))}. On the diagonal the task itself. A task's chance level stands in its data card.`,

  build(rows) {
    const tasks = [...new Set(rows.flatMap((row) => [row.trained, row.evaluated]))].sort();
    const x = { field: 'evaluated', type: 'nominal', title: 'evaluated on', sort: tasks, scale: { domain: tasks }, axis: { labelAngle: -30, grid: false } };
    const y = { field: 'trained', type: 'nominal', title: 'trained on', sort: tasks, scale: { domain: tasks }, axis: { grid: false } };
    return {
      title: footnote(`Mean of ${seedCount(rows.map((row) => row.n))}.`),
      facet: panels('method', inOrder.method(rows)),
      columns: 2,
      spec: {
        height: 22 * tasks.length,
        layer: [
          { mark: { type: 'rect' }, encoding: { x, y, color: { field: 'accuracy', type: 'quantitative', title: 'accuracy', scale: { domain: [0, 1], range: ['#f4f4f4', '#3c6fa5'] }, legend: { gradientLength: 80, gradientThickness: 6, tickCount: 3 } } } },
          { mark: { type: 'text', fontSize: 7 }, encoding: { x, y, text: { field: 'accuracy', type: 'quantitative', format: '.2f' }, color: { condition: { test: 'datum.accuracy > 0.6', value: 'white' }, value: 'black' } } },
        ],
      },
    };
  },
};
