/** Final accuracy by learning-rate setting: is coordination an insurance against badly chosen rates? */
import type { DataRow } from '../database';
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { shareInterval } from '../statistics';
import { accuracyScale, distinguish, inOrder, panels } from '../style';

type Point = { panel: string; setting: string; method: string; seed: number; accuracy: number };
type Row = {
  /** a run, or the mean of its group */ level: 'run' | 'mean'; panel: string; setting: string; method: string; seed: number | null;
  accuracy: number; /** interval of the mean; null for runs and for one seed */ low: number | null; high: number | null; n: number;
};

function withMeans(points: (Point & DataRow)[]): Row[] {
  return grouped(points, (point) => JSON.stringify([point.panel, point.setting, point.method])).flatMap((group) => {
    const { panel, setting, method } = group[0]!;
    const { n, mean, low, high } = shareInterval(group.map((point) => point.accuracy));
    return [
      ...group.map((point): Row => ({ level: 'run', ...point, low: null, high: null, n })),
      { level: 'mean', panel, setting, method, seed: null, accuracy: mean, low, high, n },
    ];
  });
}

export const rateSettings: FigureDefinition<Row> = {
  name: 'rate-settings',
  title: 'Final accuracy by learning-rate setting',
  width: 'column',
  needs: 'finished runs of a method under more than one setting of the learning rates',

  async select(journals) {
    return withMeans(await journals.rows<Point>(`
      select panel, setting, method, seed, choice as accuracy from final join runs using (id)
      where choice is not null and (panel, method) in (select (panel, method) from runs semi join final using (id) group by panel, method having count(distinct setting) > 1)
      order by panel, setting, method, seed`));
  },

  caption: (rows) => `Final choice accuracy by learning-rate setting. Open: runs; filled: mean of ${seedCount(rows.map((row) => row.n))} with 95 % Student t interval cut to 0..1 (none for one seed).`,

  build(rows) {
    const methods = inOrder.method(rows);
    const { color, dashOrShape } = distinguish('method', methods, 'points', 'column');
    const panelNames = inOrder.panel(rows);
    const settings = inOrder.setting(rows);
    const y = { field: 'setting', type: 'nominal', title: null, sort: settings, axis: { grid: false, ticks: false }, scale: { paddingInner: 0.15, paddingOuter: 0.1 } };
    // Runs lie in a lane of their own above their mean, which would hide them.
    const lanes = methods.flatMap((method) => [`${method} run`, `${method} mean`]);
    const yOffset = { field: 'lane', type: 'nominal', sort: lanes, scale: { domain: lanes, paddingOuter: 0.2 } };
    const x = { field: 'accuracy', type: 'quantitative', title: 'final accuracy', scale: accuracyScale(rows.flatMap((row) => [row.accuracy, ...(row.low === null || row.high === null ? [] : [row.low, row.high])])), axis: { tickCount: 4, format: '~g' } };
    const only = (level: Row['level']) => [{ filter: `datum.level === '${level}'` }];
    return {
      title: footnote(`Open: runs; filled: mean of ${seedCount(rows.map((row) => row.n))}, 95 % t interval.`),
      facet: panels('panel', panelNames),
      columns: Math.min(2, panelNames.length),
      spec: {
        transform: [{ calculate: "datum.method + ' ' + datum.level", as: 'lane' }],
        height: { step: 7, for: 'offset' },
        layer: [
          { transform: [{ filter: "datum.level === 'mean' && datum.low !== null" }], mark: { type: 'rule', strokeWidth: 1 }, encoding: { y, yOffset, x: { ...x, field: 'low' }, x2: { field: 'high' }, color } },
          { transform: only('run'), mark: { type: 'point', filled: false, size: 9, strokeWidth: 0.7 }, encoding: { y, yOffset, x, color, shape: dashOrShape } },
          { transform: only('mean'), mark: { type: 'point', filled: true, size: 22, opacity: 1 }, encoding: { y, yOffset, x, color, shape: dashOrShape } },
        ],
      },
    };
  },
};
