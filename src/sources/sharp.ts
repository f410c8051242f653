/** sharp, which reads, resizes and writes pictures and draws SVG: fetched on first use, since libvips is under the LGPL. */
import { fetchLibrary, libraryPackages, requireFrom } from './libraries';

/** What sharp says of a picture's file. */
export interface PictureFacts {
  format?: string;
  width: number;
  height: number;
  channels: number;
  hasAlpha?: boolean;
}

/** A picture on its way, by the steps that program and tests take; sharp's documentation has their options. */
export interface SharpPicture extends Record<Step, (...options: readonly unknown[]) => SharpPicture> {
  metadata(): Promise<PictureFacts>;
  toBuffer(): Promise<Buffer>;
  toBuffer(options: { resolveWithObject: true }): Promise<{ data: Buffer; info: PictureFacts }>;
  toFile(path: string): Promise<PictureFacts>;
  stats(): Promise<{ channels: { min: number; max: number; mean: number }[] }>;
}

type Step =
  | ('autoOrient' | 'composite' | 'ensureAlpha' | 'flatten' | 'raw' | 'removeAlpha' | 'resize' | 'toColourspace')
  | ('gif' | 'jpeg' | 'png' | 'tiff' | 'toFormat' | 'webp')
  | ('clone' | 'greyscale' | 'withMetadata');

/** A picture laid over another, its upper left corner at these pixels. */
export interface Overlay {
  input: Buffer;
  left: number;
  top: number;
}

/** How a picture begins: from bytes or a file, or with `create` in its options. */
export interface Sharp {
  (input: Uint8Array | string, options?: Readonly<Record<string, unknown>>): SharpPicture;
  (options: Readonly<Record<string, unknown>>): SharpPicture;
}

/** sharp, fetched first where it is not there. Throws UserError where it cannot be had. */
export async function openSharp(): Promise<Sharp> {
  await fetchLibrary('pictures');
  return requireFrom<Sharp>('pictures', 'sharp');
}

/** What draws SVG, and what draws and enlarges: part of the identities of generated sets, read without fetching. */
export const renderer = `librsvg 2.63.2, sharp ${libraryPackages('pictures')['sharp']}`;
