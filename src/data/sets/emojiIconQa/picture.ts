/** Pictures of EmojiIconQA: one icon, or several copies of it, on a plain light ground. */
import type { Random } from '../../../random';
import { openSharp } from '../../../sources/sharp';
import type { Raster } from '../svg';

export type Colour = [red: number, green: number, blue: number];
/** Where copies of an icon go; all of one size, in pixels from the upper left corner. */
export interface Layout {
  background: Colour;
  /** width of the icon */
  size: number;
  places: { x: number; y: number }[];
}

/** Inclusive bounds of a size in pixels. */
export interface Range {
  least: number;
  most: number;
}

const between = (draw: Random, { least, most }: Range) => least + draw.integer(most - least + 1);

/**
 * A random layout of `copies` icons on a square canvas: any light ground, any size in the range, anywhere inside, no
 * two copies overlapping. The size does not depend on the number of copies, so that the area alone does not give it
 * away. Throws RangeError when that many copies of the smallest size cannot be placed.
 */
export function drawLayout(draw: Random, canvas: number, sizes: Range, copies: number, darkest: number): Layout {
  const channel = () => between(draw, { least: darkest, most: 255 });
  const background: Colour = [channel(), channel(), channel()];
  const size = between(draw, sizes);
  for (let restart = 0; restart < 1000; restart++) {
    const places: Layout['places'] = [];
    for (let attempt = 0; attempt < 20 * copies && places.length < copies; attempt++) {
      const place = { x: draw.integer(canvas - size + 1), y: draw.integer(canvas - size + 1) };
      if (places.every(({ x, y }) => Math.abs(x - place.x) >= size || Math.abs(y - place.y) >= size))
        places.push(place);
    }
    if (places.length === copies) return { background, size, places };
  }
  throw new RangeError(`${copies} icons of ${size} pixels do not fit on ${canvas} x ${canvas} pixels`);
}

/** Puts a raster of `layout.size` pixels at each place; returns canvas x canvas x 3 bytes (red, green, blue). */
export function compose(layout: Layout, icon: Raster, canvas: number): Uint8Array {
  const picture = new Uint8Array(canvas * canvas * 3);
  for (let at = 0; at < picture.length; at++) picture[at] = layout.background[at % 3]!;
  for (const { x: left, y: top } of layout.places) {
    for (let y = 0; y < Math.min(icon.height, canvas - top); y++) {
      for (let x = 0; x < Math.min(icon.width, canvas - left); x++) {
        const from = (y * icon.width + x) * 4;
        const to = ((top + y) * canvas + left + x) * 3;
        const alpha = icon.pixels[from + 3]! / 255;
        for (let c = 0; c < 3; c++)
          picture[to + c] = Math.round(icon.pixels[from + c]! * alpha + picture[to + c]! * (1 - alpha));
      }
    }
  }
  return picture;
}

/** A square RGB picture as PNG bytes, without any metadata. */
export async function encodePng(picture: Uint8Array, canvas: number): Promise<Buffer> {
  const sharp = await openSharp();
  return sharp(picture, { raw: { width: canvas, height: canvas, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: false, palette: false })
    .toBuffer();
}
