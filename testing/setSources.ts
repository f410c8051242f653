/**
 * Small stand-ins for the source packages of the generated sets, written into a folder: same formats, other content.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { photographClasses } from '../src/data/sets/cifar10';
import { sharp } from '../testing/sharp';

export const photographLabel = (index: number) => index % photographClasses.length;

/** CIFAR-10's files: 10,000 photographs each, every one of another colour and of class index % 10. */
export async function writeCifar(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [file, labels, shift] of [
    ['data_batch_1.png', 'train_lables.json', 0],
    ['test_batch.png', 'test_lables.json', 128],
  ] as const) {
    const pixels = Buffer.alloc(10000 * 1024 * 3);
    for (let index = 0; index < 10000; index++) {
      for (let i = 0; i < 1024; i++) {
        const at = (index * 1024 + i) * 3;
        pixels[at] = index % 256;
        pixels[at + 1] = Math.floor(index / 256);
        pixels[at + 2] = shift + photographLabel(index);
      }
    }
    await sharp(pixels, { raw: { width: 1024, height: 10000, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(join(folder, file));
    writeFileSync(
      join(folder, labels),
      JSON.stringify(Array.from({ length: 10000 }, (_, index) => photographLabel(index))),
    );
  }
}

/** MNIST's idx files with `count` digits each; pixel values are 20 times the label plus one. */
export function writeMnist(folder: string, count: number): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  for (const split of ['train', 't10k']) {
    const images = Buffer.alloc(16 + count * 784);
    const labels = Buffer.alloc(8 + count);
    for (const [buffer, magic] of [
      [images, 2051],
      [labels, 2049],
    ] as const) {
      buffer.writeUInt32BE(magic, 0);
      buffer.writeUInt32BE(count, 4);
    }
    images.writeUInt32BE(28, 8);
    images.writeUInt32BE(28, 12);
    for (let i = 0; i < count; i++) {
      labels[8 + i] = i % 10;
      images.fill(1 + 20 * (i % 10), 16 + i * 784, 16 + (i + 1) * 784);
    }
    writeFileSync(join(folder, `data/${split}-images-idx3-ubyte`), images);
    writeFileSync(join(folder, `data/${split}-labels-idx1-ubyte`), labels);
  }
}

/** Every font that ReadQA names, as copies of DejaVu Sans. */
export function writeFonts(folder: string, files: readonly string[]): void {
  const font = join(dirname(require.resolve('dejavu-fonts-ttf/package.json')), 'ttf', 'DejaVuSans.ttf');
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(font, join(folder, file));
  }
}

/** WordNet's noun files for chains of words, each a kind of the next: `[['cat', 'feline', 'animal']]`. */
export function writeWordNet(folder: string, chains: readonly (readonly string[])[]): void {
  const parent = new Map<string, string | undefined>();
  for (const chain of chains)
    chain.forEach((word, i) => {
      if (!parent.has(word) || chain[i + 1] !== undefined) parent.set(word, chain[i + 1]);
    });
  const words = [...parent.keys()].sort();
  const line = (word: string, offsetOf: (word: string) => number) => {
    const up = parent.get(word);
    return `${String(offsetOf(word)).padStart(8, '0')} 03 n 01 ${word.replaceAll(' ', '_')} 0 ${up === undefined ? '000' : `001 @ ${String(offsetOf(up)).padStart(8, '0')} n 0000`} | gloss of ${word}  \n`;
  };
  const offsets = new Map<string, number>();
  let at = 0;
  for (const word of words) {
    offsets.set(word, at);
    at += line(word, () => 0).length;
  }
  mkdirSync(join(folder, 'dict'), { recursive: true });
  writeFileSync(join(folder, 'dict/data.noun'), words.map((word) => line(word, (one) => offsets.get(one)!)).join(''));
  writeFileSync(
    join(folder, 'dict/index.noun'),
    `  1 licence\n${words.map((word) => `${word.replaceAll(' ', '_')} n 1 1 @ 1 0 ${String(offsets.get(word)!).padStart(8, '0')}  \n`).join('')}`,
  );
}

/** A stamp of Tux Paint: a picture of one colour and its caption. */
export async function writeStamp(folder: string, name: string, caption: string, colour: string): Promise<void> {
  const path = join(folder, 'usr/share/tuxpaint/stamps', name);
  mkdirSync(dirname(path), { recursive: true });
  await sharp({ create: { width: 40, height: 30, channels: 4, background: colour } })
    .png()
    .toFile(`${path}.png`);
  writeFileSync(`${path}.txt`, `${caption}\nde.utf8=Etwas.\n`);
}
