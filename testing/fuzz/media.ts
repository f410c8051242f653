/** Pictures and sounds of every format, as targets of the fuzz net. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { preparePicture, prepareSound } from '../../src/data/readers/media';
import { sha256 } from '../../src/files';
import { sineWav } from '../sounds';
import type { Target } from './fuzz';
import { sharp } from '../../testing/sharp';

export const soundFixtures = join(__dirname, '..', '..', 'test', 'fixtures', 'sounds');

const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="16" viewBox="0 0 24 16"><defs><linearGradient id="a"><stop offset="0" stop-color="#f00"/></linearGradient></defs><rect width="24" height="8" fill="url(#a)"/><path d="M1 1L9 9z" stroke="#00f"/></svg>`;

/** A square picture comes out, whatever was put in. */
const drawn = (read: unknown): boolean => (read as { size: number[] }).size.join() === '32,32,3';

async function pictures(): Promise<Target[]> {
  const drawing = sharp(Buffer.from(svg)).flatten({ background: '#fff' });
  const samples: Record<string, Buffer> = {
    png: await drawing.clone().png().toBuffer(),
    jpeg: await drawing.clone().jpeg().toBuffer(),
    'jpeg, progressive': await drawing.clone().jpeg({ progressive: true }).toBuffer(),
    gif: await drawing.clone().gif().toBuffer(),
    webp: await drawing.clone().webp().toBuffer(),
    'webp, lossless': await drawing.clone().webp({ lossless: true }).toBuffer(),
    svg: Buffer.from(svg),
  };
  return Object.entries(samples).map(([format, sample]) => ({
    name: `picture: ${format}`,
    sample,
    async read(input) {
      const { data, info } = await sharp(await preparePicture(input, [], 32, 'x'))
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { size: [info.width, info.height, info.channels], pixels: sha256(data) };
    },
    result: drawn,
  }));
}

/** 16-bit samples at 16 kHz come out, at most as many as are wanted; of Ogg, whose pages have checksums, the very same. */
const heard = (read: unknown): boolean => {
  const { length, clipped } = read as { length: number; clipped: number };
  return length > 44 && length <= 44 + 2 * 16_000 && length % 2 === 0 && clipped >= 0;
};

function sounds(): Target[] {
  const tone = (name: string) => readFileSync(join(soundFixtures, `tone.${name}`));
  const samples: Record<string, Buffer> = {
    wav: sineWav(440, { rate: 8000, seconds: 0.1 }),
    'wav, float': sineWav(440, { rate: 8000, seconds: 0.1, encoding: 'float' }),
    flac: tone('flac'),
    ogg: tone('ogg'),
    mp3: tone('mp3'),
  };
  return Object.entries(samples).map(([format, sample]) => ({
    name: `sound: ${format}`,
    sample,
    async read(input) {
      const { wav, clipped } = await prepareSound(input, { seconds: 1 }, 'x');
      return { length: wav.length, clipped, samples: sha256(wav) };
    },
    result: format === 'ogg' ? 'same' : heard,
  }));
}

/** All pictures and sounds. */
export const mediaTargets = async (): Promise<Target[]> => [...(await pictures()), ...sounds()];
