/** Decoding and resampling against closed forms, with WAV files that the test writes itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSound, encodeWav, readSound, sampleRate, soundLimits } from '../../src/data/audio';
import { resample } from '../../src/data/resample';
import { sineWav, wav } from '../../testing/sounds';

const sine = (frequency: number, rate: number, seconds: number) =>
  Float32Array.from(
    { length: Math.round(rate * seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * frequency * i) / rate),
  );
/** Largest difference away from the ends, where the resampler meets the silence outside. */
const difference = (a: Float32Array, b: Float32Array, skip = 400) =>
  a.slice(skip, -skip).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i + skip]!)), 0);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-audio-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('resample', () => {
  it.each([
    [44100, 16000],
    [48000, 16000],
    [22050, 16000],
    [11025, 16000],
    [8000, 16000],
    [11127, 16000],
    [16000, 8000],
  ])('keeps a sine from %i to %i Hz', (from, to) => {
    const frequency = 1000;
    const out = resample(sine(frequency, from, 1), from, to);
    const expected = sine(frequency, to, 1);
    expect(out.length).toBe(expected.length);
    expect(difference(out, expected)).toBeLessThan(1e-4);
  });

  it('removes what the lower rate cannot hold and keeps what it can', () => {
    const peak = (frequency: number) =>
      difference(resample(sine(frequency, 44100, 0.5), 44100, 16000), new Float32Array(8000));
    expect(peak(6900)).toBeGreaterThan(0.4995);
    expect(peak(8300)).toBeLessThan(5e-4);
    expect(peak(15000)).toBeLessThan(5e-4);
  });

  it('keeps a constant and gives equal rates back unchanged', () => {
    const flat = new Float32Array(4000).fill(0.25);
    expect(difference(resample(flat, 44100, 16000), new Float32Array(2000).fill(0.25), 200)).toBeLessThan(1e-6);
    expect(resample(flat, 16000, 16000)).toBe(flat);
  });
});

describe('readSound', () => {
  const near = async (bytes: Uint8Array, frequency: number, tolerance: number) => {
    const path = join(folder, 'sound.wav');
    writeFileSync(path, bytes);
    const samples = await readSound(path);
    expect(samples.length).toBe(sampleRate / 2);
    expect(difference(samples, sine(frequency, sampleRate, 0.5))).toBeLessThan(tolerance);
  };

  it('reads 16-bit mono at 16 kHz exactly', async () => near(sineWav(440, { rate: 16000, seconds: 0.5 }), 440, 4e-5));
  it('reads 8 kHz', async () => near(sineWav(440, { rate: 8000, seconds: 0.5 }), 440, 2e-4));
  it('reads 44.1 kHz', async () => near(sineWav(440, { rate: 44100, seconds: 0.5 }), 440, 2e-4));
  it('reads 32-bit float', async () => near(sineWav(440, { rate: 16000, seconds: 0.5, encoding: 'float' }), 440, 1e-7));
  it('reads 8-bit', async () => near(sineWav(440, { rate: 16000, seconds: 0.5, encoding: 'uint8' }), 440, 1e-2));
  it('averages stereo', async () => {
    const left = sine(440, 16000, 0.5);
    await near(wav([left.map((value) => 2 * value), new Float32Array(left.length)], 16000), 440, 4e-5);
  });

  it('gives back what encodeWav wrote, within half a step', async () => {
    const samples = sine(700, sampleRate, 0.3);
    expect(difference(await decodeSound(encodeWav(samples), 'written'), samples, 1)).toBeLessThan(1.01 / 32767);
    const clipped = await decodeSound(encodeWav(Float32Array.of(2, -2, 0)), 'written');
    expect([...clipped].map((value) => Math.round(value * 100) / 100)).toEqual([1, -1, 0]);
  });

  it('keeps only the seconds asked for', async () => {
    expect((await decodeSound(sineWav(440, { rate: 44100, seconds: 2 }), 'long', 0.5)).length).toBe(sampleRate / 2);
  });

  it('turns samples that are not numbers into silence', async () => {
    const samples = await decodeSound(wav([Float32Array.of(0.5, NaN, Infinity, -0.5)], 16000, 'float'), 'odd');
    expect([...samples]).toEqual([0.5, 0, 0, -0.5]);
  });
});

describe('refusals name the file and say what is wrong', () => {
  const whole = sineWav(440, { rate: 16000, seconds: 1 });
  it('cut-off WAV', async () => {
    await expect(decodeSound(whole.slice(0, 1000), 'dog.wav')).rejects.toThrow(
      'dog.wav: the sound is cut off: 31044 of its 32000 bytes of samples are missing; expected a whole WAV file',
    );
    await expect(decodeSound(whole.slice(0, 30), 'dog.wav')).rejects.toThrow('cut off before its samples begin');
  });
  it('cut-off Ogg and FLAC', async () => {
    const ogg = Buffer.alloc(300);
    ogg.write('OggS', 0);
    ogg[26] = 1;
    ogg[27] = 30;
    ogg.write('\x01vorbis', 28, 'latin1');
    await expect(decodeSound(ogg, 'dog.ogg')).rejects.toThrow(
      'dog.ogg: the sound is cut off: its last page is missing',
    );
    await expect(decodeSound(Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(10)]), 'dog.flac')).rejects.toThrow(
      'cut off before its samples begin',
    );
  });
  it('a FLAC that claims to be endless', async () => {
    const flac = Buffer.alloc(64);
    flac.write('fLaC');
    flac.writeUInt32BE(16000 << 12, 18);
    flac.writeUInt32BE(0xffffffff, 22);
    await expect(decodeSound(flac, 'dog.flac')).rejects.toThrow('at most 120 seconds');
  });
  it('a WAV that is longer than allowed', async () => {
    const long = wav([new Float32Array((soundLimits.seconds + 1) * 4000)], 4000);
    await expect(decodeSound(long, 'long.wav')).rejects.toThrow('long.wav: the sound is longer than 120 seconds');
  });
  it('another format, an empty sound, a missing file, an odd rate', async () => {
    await expect(decodeSound(Buffer.from('MThd and so on'), 'song.mid')).rejects.toThrow(
      'song.mid: this is a MIDI file, not a sound that can be read; expected WAV, MP3, FLAC or Ogg Vorbis',
    );
    await expect(decodeSound(new Uint8Array(0), 'nothing')).rejects.toThrow('not a sound that can be read');
    await expect(decodeSound(wav([new Float32Array(0)], 16000), 'empty.wav')).rejects.toThrow(
      'empty.wav: the sound has no samples',
    );
    await expect(readSound(join(folder, 'absent.wav'))).rejects.toThrow('cannot be opened');
    await expect(decodeSound(sineWav(440, { rate: 1000, seconds: 1 }), 'slow.wav')).rejects.toThrow(
      '1000 samples a second',
    );
  });
});
