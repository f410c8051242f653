/**
 * The loss around the way of a run: coordinates, agreement with the run itself, contours in closed form, the figure.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { contourSegments } from '../../analysis/contours';
import { makeFigures } from '../../analysis/index';
import { useBackend } from '../../src/tensor/backend';
import { lossLandscape, type Landscape } from '../../src/train/landscape';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared } from '../../src/train/run';
import { withCache } from '../../testing/environment';
import { notEmpty } from '../../testing/lists';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

const { folder } = withCache();
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

describe('contours', () => {
  const axis = Array.from({ length: 41 }, (_, i) => -2 + i / 10);
  it('of x squared + y squared lie on the circle of their level, and go round it once', () => {
    const segments = contourSegments(
      axis,
      axis,
      axis.map((y) => axis.map((x) => x * x + y * y)),
      2,
    );
    for (const { x, y } of notEmpty(segments)) expect(Math.hypot(x, y)).toBeCloseTo(Math.SQRT2, 2);
    expect(segments.reduce((sum, { x, y, x2, y2 }) => sum + Math.hypot(x2 - x, y2 - y), 0)).toBeCloseTo(
      2 * Math.PI * Math.SQRT2,
      1,
    );
  });
  it('belong to the right axes: columns are x, rows are y', () => {
    for (const { x, x2 } of notEmpty(
      contourSegments(
        axis,
        axis,
        axis.map(() => axis.map((x) => x)),
        0.55,
      ),
    ))
      expect([x, x2]).toEqual([expect.closeTo(0.55, 9), expect.closeTo(0.55, 9)]);
  });
  it('of a saddle keep apart what is apart', () => {
    const segments = contourSegments(
      [0, 1],
      [0, 1],
      [
        [0, 1],
        [1, 0],
      ],
      0.4,
    );
    expect(segments).toHaveLength(2);
    for (const { x, y, x2, y2 } of notEmpty(segments)) expect(Math.abs(x - x2) + Math.abs(y - y2)).toBeLessThan(1); // around the two low corners
  });
});

describe('the landscape of a run', () => {
  const spec = tinySpec({ duration: { steps: 30 } });
  let landscape: Landscape;
  const seen: JournalRecord[] = [];
  beforeAll(async () => {
    landscape = await lossLandscape(spec, tinyPrepared(spec), 30, {
      points: 9,
      onRecord: (record) => seen.push(record),
    });
  }, 60_000);

  it('trains the run itself, record for record', async () => {
    const records: JournalRecord[] = [];
    const run = trainPrepared(spec, tinyPrepared(spec));
    for (let next = await run.next(); next.done !== true; next = await run.next()) records.push(next.value);
    expect(seen).toEqual(records);
  });

  it('goes from (0, 0) to (1, 1) within the plane at both ends, and the loss falls on the way', () => {
    const [first, last] = [landscape.path[0]!, landscape.path.at(-1)!];
    expect([first.step, last.step]).toEqual([1, 30]);
    for (const module of ['encoder', 'backbone'] as const) {
      expect(first[module]).toBeCloseTo(0, 6);
      expect(last[module]).toBeCloseTo(1, 5);
      expect(first.outside[module]).toBeCloseTo(0, 3);
      expect(last.outside[module]).toBeCloseTo(0, 2);
    }
    expect(last.loss).toBeLessThan(0.7 * first.loss);
    expect(landscape.path.some(({ outside }) => outside.encoder > 0.01)).toBe(true);
  });

  it('has the losses of the path where the path is in the plane', () => {
    const { axis, loss, path } = landscape;
    const at = (encoder: number, backbone: number) => {
      const place = (value: number) =>
        Math.min(
          axis.length - 2,
          axis.findIndex((each, i) => each <= value && axis[i + 1]! >= value),
        );
      const [r, c] = [place(encoder), place(backbone)];
      const [a, b] = [
        (encoder - axis[r]!) / (axis[r + 1]! - axis[r]!),
        (backbone - axis[c]!) / (axis[c + 1]! - axis[c]!),
      ];
      return (
        (1 - a) * ((1 - b) * loss[r]![c]! + b * loss[r]![c + 1]!) +
        a * ((1 - b) * loss[r + 1]![c]! + b * loss[r + 1]![c + 1]!)
      );
    };
    for (const point of [path[0]!, path.at(-1)!])
      expect(Math.abs(at(point.encoder, point.backbone) / point.loss - 1)).toBeLessThan(0.1);
  });

  it('is drawn from the file beside the journal; a file of another run is refused', async () => {
    const results = join(folder, 'results', 'contours');
    const synthetic = syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 1, 20);
    const id = writeSyntheticRun(results, synthetic, { steps: 20, validateEvery: 0 });
    const { identity } = JSON.parse(readFileSync(join(results, id, 'run.json'), 'utf8')) as { identity: string };
    writeFileSync(join(results, id, 'landscape.json'), JSON.stringify({ ...landscape, identity }));
    const made = await makeFigures(results, join(folder, 'out'), { only: ['loss-contours'] });
    expect(made).toMatchObject({ skipped: [], notices: [] });
    const lines = readFileSync(join(folder, 'out', 'loss-contours.csv'), 'utf8').split('\n');
    expect(lines.filter((line) => line.includes(',path,'))).toHaveLength(landscape.path.length);
    expect(lines.filter((line) => line.includes(',contour,')).length).toBeGreaterThan(30);
    writeFileSync(join(results, id, 'landscape.json'), JSON.stringify({ ...landscape, identity: 'another' }));
    await expect(makeFigures(results, join(folder, 'out'), { only: ['loss-contours'] })).rejects.toThrow(
      /belongs to another run/,
    );
    writeFileSync(join(results, id, 'landscape.json'), JSON.stringify({ ...landscape, identity, loss: [[1]] }));
    await expect(makeFigures(results, join(folder, 'out'), { only: ['loss-contours'] })).rejects.toThrow(
      /not a landscape/,
    );
  });
});
