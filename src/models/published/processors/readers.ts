/** Files of pictures and sounds as the processor of a published checkpoint reads them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, jsonLimits, readObject, type JsonObject } from '../../../json';
import { userError } from '../../../problems';
import type { Family } from '../family';
import { readFeatures, soundSteps } from './audio';
import { applySteps, mostOutputs, outputSize } from './image';
import { imageSteps } from './imageConfig';
import { readPixels } from './picture';

/** How pictures are to be seen. */
export interface PictureOptions {
  /** InternVL2: at most this many tiles an image, instead of the checkpoint's number; 1: the image whole */
  tiles?: number;
  /** every image whole, in one tile, whether the checkpoint tiles or not */
  whole?: boolean;
}

/** Values of one image or sound, one item after the other. */
export interface Medium {
  /** each of the shape of `family.input` */
  items: Float32Array[];
  notices: string[];
}

/** Reads the files that a checkpoint is asked about. */
export interface Reader {
  /** most tiles that the checkpoint itself makes of an image; 1 where it does not tile, and for sounds */
  tiles: number;
  /** most items that `read` makes of a file: tiles and the thumbnail beside several */
  mostItems: number;
  /** Values of one file: an image's tiles, or one sound. Throws UserError for a file that cannot be read. */
  read(path: string): Promise<Medium>;
}

/** preprocessor_config.json, or the same settings inside processor_config.json, where newer checkpoints have them. */
function preprocessorConfig(
  folder: string,
  part: 'image_processor' | 'feature_extractor',
): { config: JsonObject; where: string } {
  const own = join(folder, 'preprocessor_config.json'),
    joint = join(folder, 'processor_config.json');
  if (existsSync(own)) return { config: readObject(own, jsonLimits.config), where: own };
  const config = existsSync(joint) ? readObject(joint, jsonLimits.config)[part] : undefined;
  if (isObject(config)) return { config, where: `${joint} /${part}` };
  throw userError({
    where: folder,
    what: 'holds no preprocessor_config.json',
    expected: `it, or a processor_config.json with ${part}`,
  });
}

/** Pictures through the steps of the folder's image processor. Throws UserError where they do not fit the family. */
export function pictureReader(
  folder: string,
  model: JsonObject,
  family: Family,
  { tiles, whole = false }: PictureOptions,
): Reader {
  const { config, where } = preprocessorConfig(folder, 'image_processor');
  const stated = imageSteps(config, where, model, join(folder, 'config.json'));
  if (tiles !== undefined && (stated.tiles === null || !Number.isInteger(tiles) || tiles < stated.tiles.least)) {
    throw userError({
      where: 'tiles',
      what: String(tiles),
      expected:
        stated.tiles === null ? 'nothing: this checkpoint does not tile' : `a whole number from ${stated.tiles.least}`,
    });
  }
  if (whole && (stated.tiles?.least ?? 1) > 1)
    throw userError({
      where,
      what: `at least ${stated.tiles!.least} tiles an image`,
      expected: 'a checkpoint that may see an image in one tile',
    });
  const most = whole ? 1 : tiles;
  const steps = most === undefined || stated.tiles === null ? stated : { ...stated, tiles: { ...stated.tiles, most } };
  const [channels, height, width] = family.input.shape as [number, number, number];
  const size = outputSize(steps);
  if (channels !== 3 || size?.width !== width || size.height !== height) {
    throw userError({
      where,
      what: size === null ? 'pictures keep their shape' : `pictures of ${size.width} x ${size.height}`,
      expected: `${width} x ${height} in ${channels} channels, as config.json says`,
      hint: channels === 3 ? 'see size, crop_size and do_center_crop' : 'only colour pictures are read',
    });
  }
  return {
    tiles: stated.tiles?.most ?? 1,
    mostItems: mostOutputs(steps),
    async read(path) {
      const { picture, notices } = await readPixels(path);
      return { items: applySteps(steps, picture, path).outputs, notices };
    },
  };
}

/** Sounds as the folder's feature extractor makes them. Throws UserError where they do not fit the family. */
export function soundReader(folder: string, family: Family): Reader {
  const { config, where } = preprocessorConfig(folder, 'feature_extractor');
  const steps = soundSteps(config, where);
  const [bands, frames] = family.input.shape as [number, number];
  if (steps.bands !== bands || steps.frames !== frames)
    throw userError({
      where,
      what: `${steps.bands} bands, ${steps.frames} frames`,
      expected: `${bands} and ${frames}, as config.json says`,
    });
  return {
    tiles: 1,
    mostItems: 1,
    async read(path) {
      const { values, notices } = await readFeatures(steps, path);
      return { items: [values], notices };
    },
  };
}
