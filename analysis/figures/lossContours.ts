/**
 * The loss over the two modules' parameter directions with the way that each run took: the paper's first figure,
 * computed instead of sketched.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject, objectIn } from '../../src/json';
import { userError } from '../../src/problems';
import { landscapeName } from '../../src/runner/folders';
import type { ModuleName } from '../../src/manifest/run';
import type { Landscape } from '../../src/train/landscape';
import { contourSegments } from '../contours';
import type { FigureDefinition } from '../figure';
import { footnote } from '../layers';
import { inRows, panels } from '../panels';
import { abreast, type Spec } from '../style';

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
const pathColour = '#d55e00';

export const lossContours: FigureDefinition<Row> = {
  name: 'loss-contours',
  title: "Loss over the two modules' directions, with the way of the run",
  shows:
    "the training loss over the displacements of the two modules, with the way that each run took through it: the paper's first figure, computed instead of sketched",
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

  caption(rows) {
    const outside = [...new Map(rows.map((row) => [row.panel, row.outside]))];
    return [
      'Loss on fixed training questions over displacements of encoder and backbone parameters; (0, 0): after the first step, (1, 1): at the end of the run.',
      `Contours: ${levels} levels, evenly in log loss.`,
      "Line: the run's own parameters, projected on the plane; circle: start, square: end.",
      `Distance from the plane, in displacements of the module: at most ${outside.map(([panel, distance]) => `${distance.toFixed(2)} (${panel})`).join(', ')}.`,
    ].join(' ');
  },

  build(rows, room) {
    const order = [...new Set(rows.map((row) => row.panel))];
    const x = displacement('backbone');
    const y = displacement('encoder');
    const ends = order.map((panel) => {
      const steps = rows.filter((row) => row.part === 'path' && row.panel === panel).map((row) => row.step ?? 0);
      return `(datum.panel === ${JSON.stringify(panel)} && datum.step === ${Math.max(...steps)})`;
    });
    const end = (test: string, shape: string): Spec => ({
      transform: [{ filter: `datum.part === 'path' && ${test}` }],
      mark: { type: 'point', filled: true, size: 26, opacity: 1, color: pathColour, shape },
      encoding: { x, y },
    });
    return {
      title: footnote('(0, 0): after the first step; (1, 1): end of the run. Circle: start; square: end.'),
      facet: panels('panel', order),
      ...inRows(order.length, abreast(order.length === 3 ? 3 : 2, room)),
      spec: {
        height: order.length === 3 ? 130 : 150,
        layer: [
          contourLines(rows, x, y),
          {
            transform: [{ filter: "datum.part === 'path'" }],
            mark: {
              type: 'line',
              strokeWidth: 1.2,
              color: pathColour,
              point: { size: 5, filled: true, color: pathColour },
            },
            encoding: { x, y, order: { field: 'step', type: 'quantitative' } },
          },
          end('datum.step === 1', 'circle'),
          end(`(${ends.join(' || ')})`, 'square'),
        ],
      },
    };
  },
};

/** The axis along the displacement of a module. */
function displacement(module: ModuleName): Spec {
  return {
    field: module,
    type: 'quantitative',
    title: `${module}'s displacement`,
    scale: { zero: false, nice: false, padding: 0 },
    axis: { tickCount: 4, grid: false },
  };
}

function contourLines(rows: readonly Row[], x: Spec, y: Spec): Spec {
  return {
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
  };
}

function domainOf(rows: readonly Row[]): [number, number] {
  const losses = rows.filter((row) => row.part === 'contour').map((row) => row.loss);
  return [Math.min(...losses), Math.max(...losses)];
}

function rowsOf(panel: string, { axis, loss, path }: Landscape): Row[] {
  const outside = Math.max(...path.flatMap((point) => [point.outside.encoder, point.outside.backbone]));
  const contours = evenLevels(loss.flat()).flatMap((level) =>
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
  const steps = path.map((point): Row => ({
    panel,
    part: 'path',
    backbone: point.backbone,
    encoder: point.encoder,
    backbone2: null,
    encoder2: null,
    loss: point.loss,
    step: point.step,
    outside,
  }));
  return [...contours, ...steps];
}

/** Levels at the middles of equal parts of the range of the losses' logarithms. */
function evenLevels(losses: readonly number[]): number[] {
  const low = Math.log(Math.min(...losses));
  const high = Math.log(Math.max(...losses));
  return Array.from({ length: levels }, (_, i) => Math.exp(low + ((high - low) * (i + 0.5)) / levels));
}

/**
 * A measured landscape; null where there is none. Throws UserError for a file that is not one, or that belongs to
 * another run.
 */
function readLandscape(path: string, identity: string): Landscape | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const refuse = (what: string) => userError({ where: path, what, hint: 'measure it again: equipoise landscape' });
  const value = objectIn(text);
  if (value === null) throw refuse('is not a JSON object');
  if (!isLandscape(value)) throw refuse('is not a landscape of this version');
  if (value['identity'] !== identity) throw refuse('belongs to another run than the one beside it');
  return value;
}

const areNumbers = (list: unknown): list is number[] =>
  Array.isArray(list) && list.every((each) => typeof each === 'number' && Number.isFinite(each));

/** Whether it is a square grid of positive losses with a path that has steps. */
function isLandscape(value: JsonObject): value is JsonObject & Landscape {
  const { format, axis, loss, path } = value;
  if (!areNumbers(axis)) return false;
  const isRow = (row: unknown) => areNumbers(row) && row.length === axis.length && row.every((each) => each > 0);
  const isPoint = (point: unknown) => {
    if (!isObject(point) || !isObject(point['outside'])) return false;
    const { step, encoder, backbone, loss: height, outside } = point;
    return areNumbers([step, encoder, backbone, height, outside['encoder'], outside['backbone']]);
  };
  const isGrid = Array.isArray(loss) && loss.length === axis.length && loss.every(isRow);
  const isPath = Array.isArray(path) && path.length > 0 && path.every(isPoint);
  return format === 'equipoise-landscape/1' && isGrid && isPath;
}
