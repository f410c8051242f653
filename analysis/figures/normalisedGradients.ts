/**
 * Gradient norms of both modules, relative to their largest so far, under the three settings (the paper's third
 * figure).
 */
import { stepAxis } from '../axes';
import { curveText, type FigureDefinition } from '../figure';
import { band, footnote } from '../layers';
import { baseline } from '../schedulers';
import { setupPanels } from '../panels';
import { distinguish } from '../style';

type Row = {
  panel: string;
  setting: string;
  module: string;
  step: number;
  /** mean over seeds */
  value: number;
  low: number;
  high: number;
  n: number;
};

/** Measures in the moving average: a batch's gradient norm is noisy. */
const window = 5;

/** The figure for one scheduler; the paper shows constant rates. */
export function normalisedGradients(name: string, scheduler: string): FigureDefinition<Row> {
  const explain = (rows: Row[]) => `moving average of ${window} measures; curve: ${curveText(rows, 'mean')}`;
  return {
    name,
    title: `Normalised gradients of encoder and backbone under ${scheduler}, by learning-rate setting`,
    shows: `gradient norms of both modules under ${scheduler}, each over its largest so far, by setting of the learning rates${scheduler === baseline ? " (the paper's third figure)" : ''}`,
    width: 'page',
    needs: `finished runs of \`${scheduler}\` with measures`,

    select: (journals) =>
      journals.rows<Row>(`
        with named as (
            select if(method = scheduler, panel, panel || ' · ' || method) as panel, panel as setup, setting, seed, id, step,
              normalisedEncoder as encoder, normalisedBackbone as backbone
            from measure join runs using (id) where scheduler = '${scheduler}'),
          long as (unpivot named on encoder, backbone into name module value value),
          smooth as (
            select *, avg(value) over (partition by id, module order by step rows ${window - 1} preceding) as average from long),
          shownSetups as (select panel as setup, step from shown)
        select panel, setting, module, step, avg(average order by seed) as value,
          min(average) as low, max(average) as high, count(*) as n
        from smooth semi join shownSetups using (setup, step)
        group by panel, setting, module, step
        qualify count(*) over (partition by panel, setting, module) > 1
        order by panel, setting, module desc, step`),

    caption: (rows) =>
      `Gradient norm of each module over its largest norm so far (no unit), under ${scheduler}; ${explain(rows)}. ` +
      `A curve that falls while the other stays shows a module whose learning diminishes.`,

    build(rows, room) {
      const { color, dashOrShape } = distinguish('module', ['encoder', 'backbone'], 'lines', room);
      const x = stepAxis();
      const y = {
        field: 'value',
        type: 'quantitative',
        title: '‖g‖ / max ‖g‖',
        scale: { domain: [0, 1] },
        axis: { values: [0, 0.5, 1] },
      };
      return {
        title: footnote(`${explain(rows).replace('moving', 'Moving')}.`),
        ...setupPanels(rows, 'setting', room),
        spec: {
          height: 84,
          layer: [band({ x, y, color }, 0.18), { mark: 'line', encoding: { x, y, color, strokeDash: dashOrShape } }],
        },
      };
    },
  };
}
