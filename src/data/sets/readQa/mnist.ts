/**
 * Handwritten digits of MNIST (LeCun et al. 1998) from idx files: big-endian counts, then one byte a pixel or label.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../../problems';
import type { Source } from '../generator';

export const digitSide = 28;
export interface Digits {
  /** path inside the source of the images */
  file: string;
  labels: Uint8Array;
  /** 28 x 28 bytes of digit `index`, 0 black to 255 white */
  pixels(index: number): Uint8Array;
}

/** One of MNIST's own splits. Throws UserError when its files are missing, cut off or something else. */
export function openDigits(source: Source, split: 'train' | 't10k'): Digits {
  const read = (file: string, magic: number, header: number, each: number): Buffer => {
    const bad = (what: string) =>
      userError({
        where: `${source.name} ${file}`,
        what,
        expected: 'an idx file of MNIST',
        hint: 'fetch the source again',
      });
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(source.folder, file));
    } catch {
      throw bad('it is missing');
    }
    if (bytes.length < header || bytes.readUInt32BE(0) !== magic) throw bad('it begins with something else');
    if (bytes.length !== header + bytes.readUInt32BE(4) * each)
      throw bad(`it has ${bytes.length} bytes for ${bytes.readUInt32BE(4)} entries`);
    return bytes.subarray(header);
  };
  const size = digitSide * digitSide;
  const file = `data/${split}-images-idx3-ubyte`;
  const images = read(file, 2051, 16, size);
  const labels = read(`data/${split}-labels-idx1-ubyte`, 2049, 8, 1);
  if (labels.length * size !== images.length || labels.some((label) => label > 9))
    throw userError({
      where: source.name,
      what: `${labels.length} labels for ${images.length / size} digits`,
      hint: 'fetch the source again',
    });
  return { file, labels, pixels: (index) => images.subarray(index * size, (index + 1) * size) };
}
