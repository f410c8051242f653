/**
 * Pictures of ReadQA: a sign with a word, or a strip of handwritten digits, over a photograph. RGB, canvas x canvas.
 */
import { Resvg } from '@resvg/resvg-js';
import type { Random } from '../../../random';
import { digitSide } from './mnist';

export interface Sign {
  word: string;
  /** absolute path of a TrueType file */
  font: string;
  /** width of the word in pixels */
  width: number;
}

const hue = (draw: Random, lightness: number) => `hsl(${draw.integer(360)},${30 + draw.integer(50)}%,${lightness}%)`;

/**
 * Draws a word on a plate of its own colour at a drawn place over the photograph (canvas x canvas x 3 bytes, changed in
 * place). Throws Error when the font has no such letters.
 */
export function drawSign(picture: Uint8Array, canvas: number, { word, font, width }: Sign, draw: Random): void {
  const options = { font: { loadSystemFonts: false, fontFiles: [font] } };
  const text = (fill: string, transform = '') =>
    `<text x="0" y="100" font-size="100" fill="${fill}" transform="${transform}">${word}</text>`;
  const page = (body: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${canvas}" height="${canvas}">${body}</svg>`;
  const box = new Resvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="400">${text('#000')}</svg>`,
    options,
  ).getBBox();
  if (box === undefined || box.width < 1) throw new Error(`${font} draws nothing for ${word}`);
  const scale = Math.min(width / box.width, (0.45 * canvas) / box.height);
  const [wide, high] = [box.width * scale, box.height * scale];
  const margin = 6;
  const left = margin + draw.integer(Math.max(1, Math.floor(canvas - wide - 2 * margin)));
  const top = margin + draw.integer(Math.max(1, Math.floor(canvas - high - 2 * margin)));
  const dark = draw.integer(2) === 0;
  const plate = `<rect x="${left - margin}" y="${top - margin}" width="${wide + 2 * margin}" height="${high + 2 * margin}" rx="4" fill="${hue(draw, dark ? 22 : 86)}"/>`;
  const letters = text(
    hue(draw, dark ? 92 : 15),
    `translate(${left - box.x * scale} ${top - box.y * scale}) scale(${scale})`,
  );
  blend(picture, new Resvg(page(plate + letters), options).render().pixels);
}

/** Lays straight (resvg: premultiplied) RGBA of the same size over RGB. */
function blend(picture: Uint8Array, over: Uint8Array): void {
  for (let pixel = 0; pixel < picture.length / 3; pixel++) {
    const rest = 1 - over[4 * pixel + 3]! / 255;
    for (let c = 0; c < 3; c++)
      picture[3 * pixel + c] = Math.round(over[4 * pixel + c]! + picture[3 * pixel + c]! * rest);
  }
}

/**
 * Draws digits side by side, each size x size pixels (bilinear), white on a black strip, at a drawn place (changed in
 * place).
 */
export function drawDigits(
  picture: Uint8Array,
  canvas: number,
  digits: readonly Uint8Array[],
  size: number,
  draw: Random,
): void {
  const left = draw.integer(canvas - digits.length * size + 1);
  const top = draw.integer(canvas - size + 1);
  digits.forEach((digit, n) => {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const at = 3 * ((top + y) * canvas + left + n * size + x);
        const value = Math.round(
          sample(digit, ((x + 0.5) * digitSide) / size - 0.5, ((y + 0.5) * digitSide) / size - 0.5),
        );
        for (let c = 0; c < 3; c++) picture[at + c] = value;
      }
    }
  });
}

function sample(digit: Uint8Array, x: number, y: number): number {
  const pixel = (column: number, row: number) =>
    digit[Math.min(digitSide - 1, Math.max(0, row)) * digitSide + Math.min(digitSide - 1, Math.max(0, column))]!;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, below] = [x - left, y - top];
  return (
    (pixel(left, top) * (1 - right) + pixel(left + 1, top) * right) * (1 - below) +
    (pixel(left, top + 1) * (1 - right) + pixel(left + 1, top + 1) * right) * below
  );
}
