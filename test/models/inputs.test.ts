import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import type { DataSet } from '../../src/data/types';
import { findEncoder } from '../../src/models/zoo/encoders';
import { logMel } from '../../src/models/parts/logMel';
import { readSoundOf } from '../../src/models/zoo/encoders/media';
import { inputRows, inputsOf } from '../../src/models/inputs/inputs';
import { useBackend } from '../../src/tensor/backend';
import { chirp, stripes } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';

const folder = mkdtempSync(join(tmpdir(), 'inputs-'));
const set = (modality: 'image' | 'audio', media: Record<string, string>): DataSet => ({
  task: 'toy',
  modality,
  identity: (modality === 'image' ? 'a' : 'b').repeat(64),
  items: [],
  alignment: [],
  classes: [],
  sources: [],
  media: new Map(Object.entries(media)),
});

beforeAll(async () => {
  vi.stubEnv('EQUIPOISE_CACHE', join(folder, 'cache'));
  await useBackend({ name: 'cpu' });
});

describe('inputs of a tower', () => {
  it('are the pixels of every picture, stored once for all backends', async () => {
    const path = join(folder, 'stripes.png');
    await sharp(stripes(), { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toFile(path);
    const table = await inputsOf(set('image', { one: path, two: path }), 'resnet50');
    expect([table.rows, table.width]).toEqual([128 * 128, 3]);
    expect(Array.from(table.of('two'))).toEqual(Array.from(stripes()));
    await useBackend({ name: 'wasm' });
    const heard: number[] = [];
    await inputsOf(set('image', { one: path, two: path }), 'resnet50', { onProgress: (done) => heard.push(done) });
    expect(heard).toEqual([]);
    expect(readdirSync(join(folder, 'cache', 'features'))).toHaveLength(1);
  });

  it('are the log-mel of every sound, and refuse another modality', async () => {
    const path = join(folder, 'chirp.wav');
    writeFileSync(path, encodeWav(chirp()));
    const table = await inputsOf(set('audio', { one: path }), 'whisper-tiny');
    expect(inputRows(findEncoder('whisper-tiny'))).toEqual({ rows: 500, width: 80 });
    expect(Array.from(table.of('one'))).toEqual(Array.from(logMel(await readSoundOf(path, 80_000))));
    await expect(inputsOf(set('audio', { one: path }), 'resnet50')).rejects.toThrow(
      /takes image, the task gives audio/,
    );
  });
});
