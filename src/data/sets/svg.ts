/**
 * Icons from packages: SVG is a hostile format (it can name files, addresses, scripts, and grow without bound), so only
 * the few elements that draw are let through, and nothing that refers outside the file.
 */
import { openSharp } from '../../sources/sharp';

/** Why an icon is not used; the reasons are counted in the data card. */
type Refusal =
  | 'larger than 1 MB'
  | 'larger than 4096 units'
  | 'not an SVG document'
  | 'element that does not draw'
  | 'refers outside the file'
  | 'too many repeated parts'
  | 'not square'
  | 'cannot be drawn'
  | 'draws nothing';

/** Pixels with straight (not premultiplied) alpha, 4 bytes each (red, green, blue, alpha), row by row. */
export interface Raster {
  width: number;
  height: number;
  pixels: Uint8Array;
}

const largestBytes = 2 ** 20;
const largestSide = 4096;
/** Parts may nest, so their number bounds a product: 16 in levels of two or three is some hundreds of copies. */
const mostRepeats = 16;
const drawing = new Set([
  'svg',
  'g',
  'defs',
  'symbol',
  'use',
  'path',
  'rect',
  'circle',
  'ellipse',
  'line',
  'polyline',
  'polygon',
  'linearGradient',
  'radialGradient',
  'stop',
  'clipPath',
  'mask',
  'title',
  'desc',
  'metadata',
]);

/** The reason to refuse this SVG text before any parser sees it, or undefined when it is harmless. */
export function refusal(svg: string): Refusal | undefined {
  if (Buffer.byteLength(svg, 'utf8') > largestBytes) return 'larger than 1 MB';
  const text = svg
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/^\uFEFF?\s*<\?xml\s[^<>]*\?>/, '')
    .trim();
  if (!/^<svg[\s>]/.test(text) || !/(<\/svg>|\/>)$/.test(text)) return 'not an SVG document';
  // Entities, CDATA, processing instructions and CSS escapes are ways to hide a reference from the tests below.
  if (/<[!?]/.test(text) || /&(?!(amp|lt|gt|quot|apos);)/.test(text) || text.includes('\\'))
    return 'refers outside the file';
  for (const [, name] of text.matchAll(/<\/?\s*([^\s/>]*)/g))
    if (!drawing.has(name!)) return 'element that does not draw';
  for (const [, value] of text.matchAll(/\bhref\s*=\s*["']?\s*(.)/gi))
    if (value !== '#') return 'refers outside the file';
  for (const [, value] of text.matchAll(/url\s*\(\s*["']?\s*(.)/gi))
    if (value !== '#') return 'refers outside the file';
  if (/@import|\b(src|base)\s*=|\son[a-z]+\s*=/i.test(text)) return 'refers outside the file';
  if ((text.match(/<use[\s/>]/g) ?? []).length > mostRepeats) return 'too many repeated parts';
  const root = text.slice(0, text.indexOf('>'));
  for (const [, value] of root.matchAll(/\s(?:width|height|viewBox)\s*=\s*["']([^"']*)/g)) {
    if (value!.split(/[\s,]+/).some((part) => Math.abs(Number.parseFloat(part)) > largestSide))
      return 'larger than 4096 units';
  }
  return undefined;
}

/**
 * Draws an SVG text `width` pixels wide on a transparent ground, without fonts, files or network, by librsvg: it has
 * limits of its own against documents that grow, and answers a bad one with an error (resvg was seen to end the
 * process). Returns the refusal instead when the text is not harmless or not drawable. Same library version, same
 * pixels.
 */
export async function rasterise(svg: string, width: number): Promise<Raster | Refusal> {
  const refused = refusal(svg);
  if (refused !== undefined) return refused;
  const sharp = await openSharp();
  let raster: Raster;
  try {
    const { data, info } = await sharp(Buffer.from(svg, 'utf8'), { limitInputPixels: 4096 * 4096 })
      .resize({ width })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    raster = { width: info.width, height: info.height, pixels: data };
  } catch {
    return 'cannot be drawn';
  }
  if (Math.abs(raster.width - raster.height) > 0.02 * raster.width) return 'not square';
  for (let at = 3; at < raster.pixels.length; at += 4) if (raster.pixels[at]! > 0) return raster;
  return 'draws nothing';
}
