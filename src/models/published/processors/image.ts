/** A picture through the steps of a published image processor: to the values that a vision tower takes. */
import { userError } from '../../../problems';
import type { ImageSteps } from './imageConfig';
import { resize, type Picture } from '../../parts/resize';

/** Pictures are never blown up beyond this many pixels on the way. */
const mostPixels = 2 ** 27;

/**
 * Columns and rows of tiles for a picture: the grid of `least` to `most` tiles whose shape is closest to the picture's.
 */
export function tileGrid(
  width: number,
  height: number,
  tile: { width: number; height: number },
  least: number,
  most: number,
): { columns: number; rows: number } {
  const grids: { columns: number; rows: number }[] = [];
  for (let columns = 1; columns <= most; columns++)
    for (let rows = 1; columns * rows <= most; rows++) if (columns * rows >= least) grids.push({ columns, rows });
  grids.sort((a, b) => a.columns * a.rows - b.columns * b.rows); // stable: of equal numbers of tiles, fewer columns come first
  let best = { columns: 1, rows: 1 },
    difference = Infinity;
  for (const grid of grids) {
    const off = Math.abs(width / height - grid.columns / grid.rows);
    // Of equally good shapes the one with more tiles, as long as the picture has half as many pixels as they.
    if (
      off < difference ||
      (off === difference && width * height > 0.5 * tile.width * tile.height * grid.columns * grid.rows)
    )
      best = grid;
    difference = Math.min(difference, off);
  }
  return best;
}

/** Size of every output of these steps, or null when it depends on the picture. */
export function outputSize({ resize: size, crop }: ImageSteps): { width: number; height: number } | null {
  return crop ?? (size?.kind === 'exact' ? { width: size.width, height: size.height } : null);
}

/** Most outputs that these steps make of a picture: its tiles, and the thumbnail that stands beside several. */
export const mostOutputs = ({ tiles }: ImageSteps): number =>
  tiles === null ? 1 : tiles.most + (tiles.thumbnail && tiles.most > 1 ? 1 : 0);

/**
 * Runs the steps: one output, or one for each tile (row by row) and the thumbnail. Each is [3, height, width]. `where`
 * names the picture in messages. Throws UserError for a picture that would grow beyond all bounds.
 */
export function applySteps(
  steps: ImageSteps,
  picture: Picture,
  where = 'picture',
): { width: number; height: number; outputs: Float32Array[] } {
  const { filter, tiles, crop } = steps;
  let at = steps.pad === null ? picture : squared(picture, steps.pad, where);
  const size = steps.resize;
  const to = (width: number, height: number) => {
    if (width * height > mostPixels || width < 1 || height < 1)
      throw userError({
        where,
        what: `${picture.width} x ${picture.height} pixels become ${width} x ${height}`,
        expected: `1 to ${mostPixels} pixels`,
      });
    return resize(at, width, height, filter);
  };
  if (tiles !== null && size?.kind === 'exact') {
    const { columns, rows } = tileGrid(at.width, at.height, size, tiles.least, tiles.most);
    const whole = to(columns * size.width, rows * size.height);
    const parts = Array.from({ length: columns * rows }, (_, i) =>
      cut(whole, (i % columns) * size.width, Math.floor(i / columns) * size.height, size.width, size.height),
    );
    if (tiles.thumbnail && parts.length > 1) parts.push(to(size.width, size.height));
    return { width: size.width, height: size.height, outputs: parts.map((part) => normalised(steps, part)) };
  }
  if (size?.kind === 'exact') at = to(size.width, size.height);
  else if (size !== null) {
    const { width, height } = at;
    at =
      width <= height
        ? to(size.edge, Math.trunc((size.edge * height) / width))
        : to(Math.trunc((size.edge * width) / height), size.edge);
  }
  if (crop !== null) at = centre(at, crop.width, crop.height);
  return { width: at.width, height: at.height, outputs: [normalised(steps, at)] };
}

/** Fills up to a square; the picture lies in the middle. */
function squared(picture: Picture, colour: readonly [number, number, number], where: string): Picture {
  const { width, height } = picture,
    edge = Math.max(width, height);
  if (width === height) return picture;
  if (edge * edge > mostPixels)
    throw userError({
      where,
      what: `${width} x ${height} pixels become ${edge} x ${edge}`,
      expected: `at most ${mostPixels} pixels`,
    });
  const data = new Uint8Array(3 * edge * edge);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3]!;
  return pasted(
    { width: edge, height: edge, data },
    picture,
    Math.floor((edge - width) / 2),
    Math.floor((edge - height) / 2),
  );
}

function pasted(onto: Picture, picture: Picture, left: number, top: number): Picture {
  for (let y = 0; y < picture.height; y++)
    onto.data.set(
      picture.data.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width),
      3 * ((y + top) * onto.width + left),
    );
  return onto;
}

function cut(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((y + top) * picture.width + left);
    data.set(picture.data.subarray(from, from + 3 * width), 3 * y * width);
  }
  return { width, height, data };
}

/**
 * The centre of a picture; a smaller one lies on black. Odd differences leave the extra pixel right and below (cutting)
 * or left and above (filling), as in transformers.
 */
function centre(picture: Picture, width: number, height: number): Picture {
  const wide = Math.max(width, picture.width),
    high = Math.max(height, picture.height);
  const left = Math.floor((picture.width - width) / 2),
    top = Math.floor((picture.height - height) / 2);
  if (wide === picture.width && high === picture.height) return cut(picture, left, top, width, height);
  const moveRight = Math.ceil((wide - picture.width) / 2),
    moveDown = Math.ceil((high - picture.height) / 2);
  const filled = pasted(
    { width: wide, height: high, data: new Uint8Array(3 * wide * high) },
    picture,
    moveRight,
    moveDown,
  );
  return cut(filled, left + moveRight, top + moveDown, width, height);
}

/** Levels [height, width, 3] -> values [3, height, width], rounded to float32 where transformers rounds. */
function normalised({ scale, mean, deviation }: ImageSteps, { data }: Picture): Float32Array {
  const pixels = data.length / 3;
  const out = new Float32Array(data.length);
  for (let channel = 0; channel < 3; channel++) {
    const [middle, spread] = [Math.fround(mean[channel]!), Math.fround(deviation[channel]!)];
    const values = Float32Array.from({ length: 256 }, (_, i) => Math.fround(Math.fround(i * scale) - middle) / spread);
    for (let i = 0; i < pixels; i++) out[channel * pixels + i] = values[data[3 * i + channel]!]!;
  }
  return out;
}
