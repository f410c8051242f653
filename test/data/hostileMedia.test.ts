/**
 * Pictures and sounds that are torn, too large, of another kind or hostile: each is refused with a line that says why,
 * in bounded memory.
 */
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeRecording, decodeSound } from '../../src/data/audio';
import { pictureLimits, preparePicture, prepareSound } from '../../src/data/readers/media';
import { expectEvery } from '../../testing/lists';
import { picture } from '../../testing/releases';
import { sineWav, wav } from '../../testing/sounds';
import { sharp } from '../../testing/sharp';

const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const draw = (bytes: Uint8Array) => preparePicture(bytes, [], 32, 'x.png');
const pixels = async (png: Buffer) => sharp(png).raw().toBuffer({ resolveWithObject: true });

/** CRC-32 as PNG has it. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A PNG chunk with its length and CRC. */
function chunk(name: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content]),
    head = Buffer.alloc(4),
    tail = Buffer.alloc(4);
  head.writeUInt32BE(content.length);
  tail.writeUInt32BE(crc32(named));
  return Buffer.concat([head, named, tail]);
}

/** A PNG of one bit a pixel that states these sides; its rows are zeros, which deflate to almost nothing. */
function bombPng(width: number, height: number, rows: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(rows * (1 + Math.ceil(Math.min(width, 100_000) / 8))))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('pictures', () => {
  it('that are whole become opaque squares: transparent places white, wide ones undistorted', async () => {
    const half = await sharp({
      create: { width: 20, height: 10, channels: 4, background: { r: 0, g: 0, b: 255, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const { data, info } = await pixels(await draw(half));
    expect([info.width, info.height, info.channels]).toEqual([32, 32, 3]);
    expectEvery(data, (value) => value === 255);
    const wide = await pixels(
      await draw(
        await sharp({ create: { width: 40, height: 20, channels: 3, background: { r: 0, g: 0, b: 0 } } })
          .png()
          .toBuffer(),
      ),
    );
    const row = (y: number) => wide.data[(y * 32 + 16) * 3];
    expect([row(2), row(16), row(30)]).toEqual([255, 0, 255]);
    const grey16 = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await pixels(await draw(grey16))).info.channels).toBe(3);
    // the same bytes on every call: a set is made again to the byte
    expect(Buffer.compare(await draw(half), await draw(half))).toBe(0);
  });

  it('of 200 MB are refused before a decoder sees them', async () => {
    const large = Buffer.alloc(200 * 2 ** 20);
    (await picture([1, 2, 3], { format: 'png' })).copy(large);
    await expect(draw(large)).rejects.toThrow(
      `x.png: this picture has ${large.length} bytes; expected at most ${pictureLimits.bytes}`,
    );
  });

  it.each([
    [100_000, 100_000],
    [2 ** 31 - 1, 2],
    [60_000, 60_000],
  ])('that state %d x %d pixels are refused without the memory for them', async (width, height) => {
    const bomb = bombPng(width, height, 1);
    const peak = process.memoryUsage().rss;
    await expect(draw(bomb)).rejects.toThrow(
      /^x\.png: (this picture has \d+ x \d+ pixels; expected at most 67108864 pixels|the picture cannot be decoded .*)/,
    ); // libpng's own limit comes first
    expect(process.memoryUsage().rss - peak).toBeLessThan(64 * 2 ** 20);
  });

  it.each([['png'], ['jpeg']] as const)('that are torn are refused wherever they end: %s', async (format) => {
    const whole = await picture([200, 30, 30], { width: 300, height: 200, format });
    await draw(whole);
    for (const share of [0.02, 0.3, 0.6, 0.95]) {
      await expect(draw(whole.subarray(0, Math.floor(share * whole.length)))).rejects.toThrow(
        /^x\.png: (the picture cannot be decoded|the picture is cut off|this is .*, not a picture)/,
      );
    }
  });

  it.each<[string, string | Buffer]>([
    ['text', 'hello'],
    ['nothing', ''],
    ['a PDF', '%PDF-1.7'],
    ['TIFF', Buffer.from('49492a0008000000', 'hex')],
    ['gzip, as SVGZ is', Buffer.from('1f8b0800', 'hex')],
    ['SVG in UTF-16', Buffer.from('\ufeff<svg xmlns="http://www.w3.org/2000/svg"/>', 'utf16le')],
    ['RIFF without WebP', 'RIFFxxxxWAVE'],
  ])('of another kind never reach a decoder: %s', async (_what, bytes) => {
    await expect(draw(Buffer.from(bytes))).rejects.toThrow(
      'not a picture that can be read; expected PNG, JPEG, WebP, GIF or SVG',
    );
  });

  it('as SVG are drawn when harmless; those that name files, addresses, entities or scripts are refused, and nobody is called', async () => {
    const calls: string[] = [];
    const server = createServer((request, response) => {
      calls.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', () => ready()));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/leak`;
    const secret = join(folder, 'secret.png');
    writeFileSync(secret, await picture([255, 0, 0], { format: 'png' }));
    const svg = (inside: string, head = '') =>
      Buffer.from(
        `${head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">${inside}</svg>`,
      );
    const { data } = await pixels(await draw(svg('<rect width="10" height="10" fill="#00f"/>')));
    expect([...data.subarray(0, 3)]).toEqual([0, 0, 255]);
    for (const hostile of [
      svg(`<image href="${address}" width="10" height="10"/>`),
      svg(`<image xlink:href="file://${secret}" width="10" height="10"/>`),
      svg(`<use href="${address}#a"/>`),
      svg(`<rect width="10" height="10" fill="url(${address}#a)"/>`),
      svg(`<style>@import url(${address})</style>`),
      svg('<script>fetch("x")</script>'),
      svg('<rect width="&big;" height="1"/>', `<!DOCTYPE svg [<!ENTITY big SYSTEM "file://${secret}">]>`),
      svg('<text>&a;</text>', '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"/>'),
      svg('<g/>'.repeat(400_000)),
    ])
      await expect(draw(hostile)).rejects.toThrow(/^x\.png: this SVG is refused: /);
    server.close();
    expect(calls).toEqual([]);
  });
});

const sound = (bytes: Uint8Array, rate?: number) => prepareSound(bytes, { seconds: 1, rate }, 'x.wav');
const samplesOf = (bytes: Uint8Array) => decodeSound(bytes, 'x.wav');
const wave = (length: number) => Float32Array.from({ length }, (_, i) => 0.5 * Math.sin(i / 10));

/** A PCM WAV of 24 bits. */
function wav24(samples: Float32Array, rate: number): Buffer {
  const whole = wav([samples], rate);
  const data = Buffer.alloc(3 * samples.length);
  samples.forEach((value, i) => data.writeIntLE(Math.round(value * 8388607), 3 * i, 3));
  const head = Buffer.from(whole.subarray(0, 44));
  head.writeUInt32LE(36 + data.length, 4);
  head.writeUInt32LE(rate * 3, 28);
  head.writeUInt16LE(3, 32);
  head.writeUInt16LE(24, 34);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

describe('pictures that are torn', () => {
  it.each(['gif', 'webp', 'jpeg', 'png'] as const)('are refused wherever they end: %s', async (format) => {
    const noise = sharp({
      create: {
        width: 48,
        height: 48,
        channels: 3,
        background: '#888',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    });
    const whole = await noise.toFormat(format).toBuffer();
    expect((await pixels(await draw(whole))).info.width).toBe(32);
    for (const share of [0.2, 0.5, 0.8, 0.98])
      await expect(draw(whole.subarray(0, Math.floor(whole.length * share))), `${share}`).rejects.toThrow(
        /x\.png: the picture (cannot be decoded|is cut off)/,
      );
  });
});

describe('sounds', () => {
  it('of any width, rate and channels become 16 kHz mono', async () => {
    const expected = await samplesOf(wav([wave(4000)], 16_000, 'float'));
    expectEvery(await samplesOf(wav24(wave(4000), 16_000)), (value, i) => Math.abs(value - expected[i]!) < 1e-6);
    expectEvery(await samplesOf(wav([wave(4000)], 16_000)), (value, i) => Math.abs(value - expected[i]!) < 1e-4);
    const stereo = await decodeRecording(
      wav([wave(4000), wave(4000).map((value) => -value)], 16_000, 'float'),
      'x.wav',
    );
    expect([stereo.channels, stereo.rate, Math.max(...stereo.samples.map(Math.abs))]).toEqual([2, 16_000, 0]);
    const slow = await decodeRecording(sineWav(440, { rate: 8000, seconds: 0.5 }), 'x.wav');
    expect([slow.rate, slow.samples.length]).toEqual([8000, 8000]);
    const kept = await sound(wav([wave(48_000)], 16_000));
    expect([kept.wav.length, kept.clipped]).toEqual([44 + 2 * 16_000, 0]);
  });

  it('with a wrong rate, values that are no numbers, or another scale are refused by name', async () => {
    await expect(sound(sineWav(440, { rate: 8000, seconds: 0.2 }), 44_100)).rejects.toThrow(
      'x.wav: this sound has 8000 samples a second; expected 44100',
    );
    const broken = wave(100);
    broken[3] = Number.NaN;
    broken[5] = Number.POSITIVE_INFINITY;
    await expect(sound(wav([broken], 16_000, 'float'))).rejects.toThrow(
      'x.wav: 2 samples of this sound are no finite numbers; expected samples from -1 to 1',
    );
    await expect(sound(wav([wave(100).map((value) => value * 20_000)], 16_000, 'float'))).rejects.toThrow(
      /x\.wav: the samples of this sound reach 99\d\d.*; expected samples from -1 to 1/,
    );
  });

  it('that are empty, torn or no sound are refused', async () => {
    await expect(sound(wav([new Float32Array(0)], 16_000))).rejects.toThrow('the sound has no samples');
    await expect(sound(Buffer.alloc(0))).rejects.toThrow(
      'not a sound that can be read; expected WAV, MP3, FLAC or Ogg Vorbis',
    );
    await expect(sound(sineWav(440, { rate: 16_000, seconds: 0.2 }).subarray(0, 1000))).rejects.toThrow(
      /cut off: \d+ of its 6400 bytes/,
    );
    await expect(sound(wav([wave(700_000)], 2000))).rejects.toThrow(/2000 samples a second; expected 4000 to 192000/);
    await expect(sound(wav([wave(8000 * 301)], 8000, 'uint8'))).rejects.toThrow('the sound is longer than 300 seconds');
    await expect(sound(Buffer.alloc(33 * 2 ** 20))).rejects.toThrow(/has 34603008 bytes; expected at most 33554432/);
  });

  it('as MP3 are refused when their last frame, or one that the header counts, is missing', async () => {
    // silent frames: MPEG 1 layer III, 128 kbit/s, 44.1 kHz, mono, 417 bytes each
    const frame = Buffer.concat([Buffer.from('fffb90c4', 'hex'), Buffer.alloc(413)]);
    const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => frame));
    const whole = await decodeRecording(frames(20), 'x.mp3');
    expect([whole.rate, whole.channels]).toEqual([44_100, 1]);
    await expect(decodeSound(frames(20).subarray(0, 20 * 417 - 100), 'x.mp3')).rejects.toThrow(
      'x.mp3: the sound is cut off: 100 bytes of its last frame are missing; expected a whole MP3 file',
    );
    const counted = Buffer.from(frame);
    counted.write('Xing', 21, 'latin1');
    counted.writeUInt32BE(1, 25);
    counted.writeUInt32BE(40, 29);
    await expect(decodeSound(Buffer.concat([counted, frames(20)]), 'x.mp3')).rejects.toThrow(
      'x.mp3: the sound is cut off: it has 21 of 40 frames',
    );
    await expect(
      decodeSound(
        Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\x0a', 'latin1'), Buffer.alloc(10), frames(20).subarray(0, 8000)]),
        'x.mp3',
      ),
    ).rejects.toThrow(/last frame are missing/);
  });
});
