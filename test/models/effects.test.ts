/**
 * The network for sound effects against its authors' own code (fixtures/encoders/make_aisfx.py), and the two encoders of
 * SALMONN's form. What needs the weights runs where they are in the cache and says so where they are not.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import { effectsMel, effectsMelSettings } from '../../src/models/parts/effectsMel';
import { encoderRegistry, towerSources } from '../../src/models/zoo/encoders';
import { useBackend } from '../../src/tensor/backend';
import { tf } from '../../src/tensor/tf';
import { cachedSource } from '../../testing/cached';
import { expectEvery } from '../../testing/lists';
import { chirp } from '../../testing/syntheticMedia';

interface Sample {
  shape: number[];
  step: number;
  values: number[];
}
const expected = JSON.parse(
  readFileSync(join(__dirname, '..', 'fixtures', 'encoders', 'aisfx.json'), 'utf8'),
) as Record<'mel' | 'rows' | 'embedding', Sample>;
const largest = (a: ArrayLike<number>, { step, values }: Sample) =>
  values.reduce((worst, value, i) => Math.max(worst, Math.abs(a[i * step]! - value)), 0);

const [aisfx, both, whisper] = ['aisfx', 'whisper-base-aisfx', 'whisper-base'].map((name) => encoderRegistry[name]!);
const rate = effectsMelSettings.rate;
const sweep = Float32Array.from({ length: 5 * rate }, (_, i) => {
  const t = i / rate;
  return 0.5 * Math.sin(2 * Math.PI * (200 * t + 350 * t * t)) + 0.1 * Math.sin(2 * Math.PI * 3000 * t);
});

beforeAll(async () => {
  await useBackend({ name: 'wasm' });
});

describe('the spectrogram for sound effects', () => {
  it("is librosa's, as the package computes and scales it", () => {
    const mel = effectsMel(sweep);
    expect(aisfx!.input.shape).toEqual(expected.mel.shape);
    expect(mel).toHaveLength(expected.mel.shape[0]! * expected.mel.shape[1]!);
    // librosa transforms in float32; values lie between 0 and 1.
    expect(largest(mel, expected.mel)).toBeLessThan(5e-5);
    expect(Math.max(...expected.mel.values)).toBeGreaterThan(0.8);
  });

  it('is the same for a sound half as loud, nothing for silence, and refuses what is no number', () => {
    const half = effectsMel(sweep.map((sample) => sample / 2));
    const whole = effectsMel(sweep);
    expect(half.reduce((worst, value, i) => Math.max(worst, Math.abs(value - whole[i]!)), 0)).toBeLessThan(1e-6);
    expectEvery([...effectsMel(new Float32Array(4096))], (value) => value === 0);
    expect(() => effectsMel(Float32Array.of(0, NaN))).toThrow(RangeError);
  });
});

describe('aisfx', () => {
  it("gives the rows of the authors' network, and their maximum its embedding", async (context) => {
    await cachedSource(context, 'aisfx');
    const weights = await aisfx!.part.weights();
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
    );
    const [rows, highest] = tf.tidy(() => {
      const out = aisfx!.part.apply({ tensors }, tf.tensor(effectsMel(sweep), [1, ...aisfx!.input.shape]), aisfx!.rows);
      return [out.dataSync<'float32'>(), tf.max(out, 1).dataSync<'float32'>()] as const;
    });
    tf.dispose(tensors);
    expect([rows.length / aisfx!.width, aisfx!.width]).toEqual(expected.rows.shape);
    expect(Math.max(...expected.rows.values)).toBeGreaterThan(0.05);
    expect(largest(rows, expected.rows)).toBeLessThan(2e-4);
    expect(largest(highest, expected.embedding)).toBeLessThan(2e-4);
  });

  it('stands beside Whisper in rows of one time, and alike when it is folded', async (context) => {
    for (const source of towerSources(both!)) await cachedSource(context, source);
    const path = join(mkdtempSync(join(tmpdir(), 'effects-')), 'chirp.wav');
    writeFileSync(path, encodeWav(chirp()));
    const features = async (tower: typeof both) => {
      const open = await tower!.open();
      const [found] = await open.extract([path]);
      open.close();
      return found!;
    };
    const [joined, speech, effects] = [await features(both), await features(whisper), await features(aisfx)];
    const part = (values: Float32Array, row: number, width: number, from: number, length: number) =>
      values.subarray(row * width + from, row * width + from + length);
    for (const row of [0, 1, 17, 48, 49]) {
      expect(part(joined, row, both!.width, 0, 512), `${row}`).toEqual(part(speech, row, 512, 0, 512));
      // Whisper's rows are 0.1 s long, the network's 0.186 s.
      const near = Math.min(26, Math.floor(((row + 0.5) * 0.1) / (8 * (1024 / 44_100))));
      expect(part(joined, row, both!.width, 512, 512), `${row}`).toEqual(part(effects, near, 512, 0, 512));
    }
  }, 120_000);
});
