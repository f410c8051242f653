/** Final accuracy by learning-rate setting: is coordination an insurance against badly chosen rates? */
import type { DataRow } from '../database';
import { accuracyScale, settingAxis } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote } from '../layers';
import { inRows, panels } from '../panels';
import { abreast, distinguish, inOrder, type Spec } from '../style';
import { grouped } from '../grouped';
import { shareInterval } from '../statistics';

type Point = { panel: string; setting: string; method: string; seed: number; accuracy: number };
type Row = {
  /** a run, or the mean of its group */
  level: 'run' | 'mean';
  panel: string;
  setting: string;
  method: string;
  seed: number | null;
  accuracy: number;
  /** interval of the mean; null for runs and for one seed */
  low: number | null;
  high: number | null;
  n: number;
};

/** Methods from which on runs have no lane of their own. */
const manyMethods = 5;
/** How the runs are drawn, in words. */
const runsText = (rows: readonly Row[]) =>
  inOrder.method(rows).length < manyMethods ? 'Open: runs; filled' : 'Strokes: runs; points';

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
  shows:
    'final accuracy under each setting of the learning rates: whether coordination insures against badly chosen rates',
  width: 'column',
  needs: 'finished runs of a method under more than one setting of the learning rates',

  async select(journals) {
    return withMeans(
      await journals.rows<Point>(`
      select panel, setting, method, seed, choice as accuracy from final join runs using (id)
      where choice is not null and (panel, method) in (select (panel, method) from runs semi join final using (id) group by panel, method having count(distinct setting) > 1)
      order by panel, setting, method, seed`),
    );
  },

  caption: (rows) =>
    `Final choice accuracy by learning-rate setting. ${runsText(rows)}: mean of ${seedCount(rows)} with 95 % Student t interval cut to 0..1 (none for one seed).`,

  build(rows, room) {
    const methods = inOrder.method(rows);
    const { color, dashOrShape } = distinguish('method', methods, 'points', room);
    const panelNames = inOrder.panel(rows);
    const y = settingAxis(inOrder.setting(rows));
    // Runs lie in a lane of their own above their mean, which would hide them; of many methods they are strokes that
    // stick out from behind it.
    const own = methods.length < manyMethods;
    const lanes = own ? methods.flatMap((method) => [`${method} run`, `${method} mean`]) : methods;
    const run: Spec = own
      ? { type: 'point', filled: false, size: 9, strokeWidth: 0.7 }
      : { type: 'tick', orient: 'vertical', thickness: 0.7, size: 7 };
    const yOffset = { field: 'lane', type: 'nominal', sort: lanes, scale: { domain: lanes, paddingOuter: 0.2 } };
    const x = {
      field: 'accuracy',
      type: 'quantitative',
      title: 'final accuracy',
      scale: accuracyScale(
        rows.flatMap((row) => [row.accuracy, ...(row.low === null || row.high === null ? [] : [row.low, row.high])]),
      ),
      axis: { tickCount: 4, format: '~g' },
    };
    const only = (level: Row['level']) => [{ filter: `datum.level === '${level}'` }];
    return {
      title: footnote(`${runsText(rows)}: mean of ${seedCount(rows)}, 95 % t interval.`),
      facet: panels('panel', panelNames),
      ...inRows(panelNames.length, abreast(2, room)),
      spec: {
        transform: [{ calculate: own ? "datum.method + ' ' + datum.level" : 'datum.method', as: 'lane' }],
        height: { step: own ? 7 : 8, for: 'offset' },
        layer: [
          {
            transform: [{ filter: "datum.level === 'mean' && datum.low !== null" }],
            mark: { type: 'rule', strokeWidth: 1 },
            encoding: { y, yOffset, x: { ...x, field: 'low' }, x2: { field: 'high' }, color },
          },
          {
            transform: only('run'),
            mark: run,
            encoding: { y, yOffset, x, color, ...(own ? { shape: dashOrShape } : {}) },
          },
          {
            transform: only('mean'),
            mark: { type: 'point', filled: true, size: own ? 22 : 14, opacity: 1 },
            encoding: { y, yOffset, x, color, shape: dashOrShape },
          },
        ],
      },
    };
  },
};
