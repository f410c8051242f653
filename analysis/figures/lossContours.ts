/** The loss over the two modules' parameter directions with the way that each run took: the paper's first figure, computed instead of sketched. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../src/problems';
import { landscapeName } from '../../src/runner/folders';
import type { Landscape } from '../../src/train/landscape';
import { contourSegments } from '../contours';
import type { FigureDefinition } from '../figure';
import { footnote } from '../figure';
import { inRows, panels, type Spec } from '../style';

type Row = {
  panel: string;
  part: 'contour' | 'path';
  /** along the backbone's displacement over the run */
  backbone: number;
  /** along the encoder's */
  encoder: number;
  /** other end of a contour's piece */
  backbone2: number | null;
  encoder2: number | null;
  /** nats a token: of the contour, or measured at the place of the path */
  loss: number;
  /** of the path */
  step: number | null;
  /** largest distance of the run from the plane, in displacements of the module that is further off */
  outside: number;
};

/** Contours of a panel. */
const levels = 12;

export const lossContours: FigureDefinition<Row> = {
  name: 'loss-contours',
  title: "Loss over the two modules' directions, with the way of the run",
  width: 'page',
  needs: 'finished runs whose landscape was measured (`equipoise landscape`)',

  select(journals) {
    const found = journals.runs.flatMap((run) => {
      const landscape = readLandscape(join(run.folder, landscapeName), run.file.identity);
      return landscape === null
        ? []
        : [{ panel: `${run.panel} · ${run.method}, ${run.setting}, seed ${run.seed}`, landscape }];
    });
    return Promise.resolve(
      found.sort((a, b) => (a.panel < b.panel ? -1 : 1)).flatMap(({ panel, landscape }) => rowsOf(panel, landscape)),
    );
  },

  caption: (rows) =>
    `Loss on fixed training questions over displacements of encoder and backbone parameters; (0, 0): after the first step, (1, 1): at the end of the run. Contours: ${levels} levels, evenly in log loss. Line: the run's own parameters, projected on the plane; ` +
    `circle: start, square: end. Distance from the plane, in displacements of the module: at most ${[...new Map(rows.map((row) => [row.panel, row.outside]))].map(([panel, outside]) => `${outside.toFixed(2)} (${panel})`).join(', ')}.`,

  build(rows) {
    const order = [...new Set(rows.map((row) => row.panel))];
    const x = {
      field: 'backbone',
      type: 'quantitative',
      title: "backbone's displacement",
      scale: { zero: false, nice: false, padding: 0 },
      axis: { tickCount: 4, grid: false },
    };
    const y = {
      field: 'encoder',
      type: 'quantitative',
      title: "encoder's displacement",
      scale: { zero: false, nice: false, padding: 0 },
      axis: { tickCount: 4, grid: false },
    };
    const path = rows.filter((row) => row.part === 'path');
    const last = Math.max(...path.map((row) => row.step ?? 0));
    const end = (test: string, mark: Spec): Spec => ({
      transform: [{ filter: `datum.part === 'path' && ${test}` }],
      mark: { type: 'point', filled: true, size: 26, opacity: 1, color: '#d55e00', ...mark },
      encoding: { x, y },
    });
    return {
      title: footnote('(0, 0): after the first step; (1, 1): end of the run. Circle: start; square: end.'),
      facet: panels('panel', order),
      ...inRows(order.length, order.length === 3 ? 3 : 2),
      spec: {
        height: order.length === 3 ? 130 : 150,
        layer: [
          {
            transform: [{ filter: "datum.part === 'contour'" }],
            mark: { type: 'rule', strokeWidth: 0.8 },
            encoding: {
              x,
              y,
              x2: { field: 'backbone2' },
              y2: { field: 'encoder2' },
              color: {
                field: 'loss',
                type: 'quantitative',
                title: 'loss (nats/token)',
                scale: { type: 'log', domain: domainOf(rows), range: ['#222222', '#c4c4c4'] },
                legend: { format: '.2~f', tickCount: 3, gradientLength: 80, gradientThickness: 6 },
              },
            },
          },
          {
            transform: [{ filter: "datum.part === 'path'" }],
            mark: {
              type: 'line',
              strokeWidth: 1.2,
              color: '#d55e00',
              point: { size: 5, filled: true, color: '#d55e00' },
            },
            encoding: { x, y, order: { field: 'step', type: 'quantitative' } },
          },
          end('datum.step === 1', { shape: 'circle' }),
          end(`datum.step === ${last}`, { shape: 'square' }),
        ],
      },
    };
  },
};

function domainOf(rows: readonly Row[]): [number, number] {
  const losses = rows.filter((row) => row.part === 'contour').map((row) => row.loss);
  return [Math.min(...losses), Math.max(...losses)];
}

function rowsOf(panel: string, { axis, loss, path }: Landscape): Row[] {
  const outside = Math.max(...path.flatMap((point) => [point.outside.encoder, point.outside.backbone]));
  const all = loss.flat();
  const [low, high] = [Math.log(Math.min(...all)), Math.log(Math.max(...all))];
  const contours = Array.from({ length: levels }, (_, i) =>
    Math.exp(low + ((high - low) * (i + 0.5)) / levels),
  ).flatMap((level) =>
    contourSegments(axis, axis, loss, level).map((segment): Row => ({
      panel,
      part: 'contour',
      backbone: segment.x,
      encoder: segment.y,
      backbone2: segment.x2,
      encoder2: segment.y2,
      loss: level,
      step: null,
      outside,
    })),
  );
  return [
    ...contours,
    ...path.map((point): Row => ({
      panel,
      part: 'path',
      backbone: point.backbone,
      encoder: point.encoder,
      backbone2: null,
      encoder2: null,
      loss: point.loss,
      step: point.step,
      outside,
    })),
  ];
}

/** A measured landscape; null where there is none. Throws UserError for a file that is not one, or that belongs to another run. */
function readLandscape(path: string, identity: string): Landscape | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const refuse = (what: string) => userError({ where: path, what, hint: 'measure it again: equipoise landscape' });
  let value: Landscape & { identity?: string };
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw refuse(`is not JSON: ${(error as Error).message}`);
  }
  const numbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((each) => typeof each === 'number' && Number.isFinite(each));
  const whole =
    value.format === 'equipoise-landscape/1' &&
    numbers(value.axis) &&
    Array.isArray(value.loss) &&
    value.loss.length === value.axis.length &&
    value.loss.every((row) => numbers(row) && row.length === value.axis.length && row.every((each) => each > 0)) &&
    Array.isArray(value.path) &&
    value.path.length > 0 &&
    value.path.every((point) =>
      numbers([point.step, point.encoder, point.backbone, point.loss, point.outside?.encoder, point.outside?.backbone]),
    );
  if (!whole) throw refuse('is not a landscape of this version');
  if (value.identity !== identity) throw refuse('belongs to another run than the one beside it');
  return value;
}
