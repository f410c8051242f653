/** Final choice accuracy by kind of question, a column a method. */
import { seedCount } from '../figure';
import { orderMethods, orderSettings } from '../labels';
import { shareInterval } from '../statistics';
import { consecutive, estimateText, type TableDefinition } from '../table';
import { kindLayout } from './kindLayout';
import { best } from './results';

type KindScore = { panel: string; setting: string; kind: string; method: string; choice: number };
type Row = {
  panel: string;
  setting: string;
  kind: string;
  method: string;
  /** seeds */
  n: number;
  choice: number;
  low: number | null;
  high: number | null;
  /** 1 for the highest mean of the kind */
  best: number;
};

export const byKind: TableDefinition<Row> = {
  name: 'by-kind',
  title: 'Final choice accuracy by kind of question',
  shows: 'final accuracy by kind of question, a column a method',
  needs: 'finished runs with a final evaluation by kind of question',

  async select(journals) {
    const scores = await journals.rows<KindScore>(
      'select panel, setting, kind, method, choice from kinds join runs using (id) where choice is not null order by panel, setting, kind, method, seed, id',
    );
    const settings = orderSettings(scores.map((score) => score.setting));
    const ordered = [...scores].sort((a, b) =>
      a.panel === b.panel ? settings.indexOf(a.setting) - settings.indexOf(b.setting) : 0,
    );
    return consecutive(ordered, (score) => JSON.stringify([score.panel, score.setting, score.kind])).flatMap(
      (group) => {
        const { panel, setting, kind } = group[0]!;
        const rows = orderMethods(group.map((score) => score.method)).map((method) => ({
          method,
          ...shareInterval(group.filter((score) => score.method === method).map((score) => score.choice)),
        }));
        const marked = best(rows.map((row) => row.mean));
        return rows.map(({ method, n, mean, low, high }, i): Row => ({
          panel,
          setting,
          kind,
          method,
          n,
          choice: mean,
          low,
          high,
          best: marked[i] ? 1 : 0,
        }));
      },
    );
  },

  caption: (rows) =>
    [
      `Final choice accuracy by kind of question: mean over ${seedCount(rows)},`,
      'in brackets the 95 % Student t interval cut to 0..1 (none for one seed); bold: highest mean of the row.',
    ].join(' '),

  layout: (rows) =>
    kindLayout(rows, ({ choice, low, high, best: isBest }) => ({
      text: estimateText(choice, low, high, 2),
      best: isBest === 1,
    })),
};
