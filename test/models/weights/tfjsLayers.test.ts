import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTfjsLayers } from '../../../src/models/weights/tfjsLayers';
import { UserError } from '../../../src/problems';

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

/** A good model of two weights over two shards, whose parts a case may replace. */
function model(
  change: { top?: object; weights?: unknown; paths?: unknown; topology?: unknown } = {},
  shards: Record<string, Buffer> = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'));
  const files: Record<string, Buffer> = {
    'a.bin': floats(1, 2, 3).subarray(0, 10),
    'b.bin': Buffer.concat([floats(1, 2, 3).subarray(10), floats(4, 5)]),
    ...shards,
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({
      format: 'layers-model',
      modelTopology: change.topology ?? {
        model_config: {
          config: { layers: [{ class_name: 'BatchNormalization', config: { name: 'n', epsilon: 0.5 } }] },
        },
      },
      weightsManifest: [
        {
          paths: change.paths ?? ['a.bin', 'b.bin'],
          weights: change.weights ?? [
            { name: 'x', shape: [3, 1], dtype: 'float32' },
            { name: 'y', shape: [2], dtype: 'float32' },
          ],
        },
      ],
      ...change.top,
    }),
  );
  return folder;
}

describe('tfjs layers model', () => {
  it('reads weights that straddle shards, and layer settings', () => {
    const { tensors, layers } = readTfjsLayers(model());
    expect(tensors).toEqual({
      x: { shape: [3, 1], data: Float32Array.of(1, 2, 3) },
      y: { shape: [2], data: Float32Array.of(4, 5) },
    });
    expect(layers.get('n')?.['epsilon']).toBe(0.5);
  });

  const y = { name: 'y', shape: [2], dtype: 'float32' };
  it.each<[string, () => string, RegExp]>([
    ['a folder without model.json', () => mkdtempSync(join(tmpdir(), 'layers-')), /missing/],
    [
      'text that is no JSON',
      () => {
        const folder = model();
        writeFileSync(join(folder, 'model.json'), '{');
        return folder;
      },
      /not JSON/,
    ],
    ['another format', () => model({ top: { format: 'graph-model' } }), /layers model/],
    ['no manifest', () => model({ top: { weightsManifest: [] } }), /no weights manifest/],
    ['a group that is none', () => model({ top: { weightsManifest: [1] } }), /malformed/],
    ['a missing shard', () => model({ paths: ['a.bin', 'c.bin'] }), /c\.bin: it is missing/],
    ['a path out of the folder', () => model({ paths: ['../b.bin'] }), /plain file name/],
    ['an absolute path', () => model({ paths: ['/b.bin'] }), /plain file name/],
    ['a hidden file', () => model({ paths: ['.bin'] }), /plain file name/],
    ['short shards', () => model({}, { 'b.bin': floats(1) }), /14 bytes/],
    ['long shards', () => model({ weights: [y] }), /20 bytes/],
    ['a shape that is not one', () => model({ weights: [{ ...y, shape: [-2] }] }), /malformed/],
    ['a shape that overflows', () => model({ weights: [{ ...y, shape: [2 ** 30, 2 ** 30] }] }), /at most/],
    ['another type', () => model({ weights: [{ ...y, dtype: 'int32' }] }), /int32/],
    ['quantised weights', () => model({ weights: [{ ...y, quantization: { dtype: 'uint8' } }] }), /quantised/],
    ['a repeated name', () => model({ weights: [{ ...y, shape: [3] }, y] }), /twice/],
    [
      'a name of Object.prototype',
      () => model({ weights: [JSON.parse('{"name":"__proto__","shape":[5],"dtype":"float32"}')] }),
      /malformed/,
    ],
    [
      'values that are not numbers',
      () => model({}, { 'b.bin': Buffer.concat([floats(1, 2, 3).subarray(10), floats(4, NaN)]) }),
      /"y" holds/,
    ],
    ['no layers', () => model({ topology: {} }), /no layers/],
    ['a layer without a name', () => model({ topology: { config: { layers: [{ config: {} }] } } }), /malformed/],
  ])('refuses %s', (_name, make, message) => {
    const folder = make();
    expect(() => readTfjsLayers(folder)).toThrow(UserError);
    expect(() => readTfjsLayers(folder)).toThrow(message);
  });
});
