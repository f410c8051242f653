/**
 * What a published preprocessor_config.json does to a picture, as plain data. Known are the image processors of the
 * four families, as transformers has them (`CLIPImageProcessor`, `BlipImageProcessor`, `LlavaImageProcessor`,
 * `GotOcr2ImageProcessor`), under their older and newer names, and the tiling that OpenGVLab states in config.json.
 */
import { limits, readFields, type Fields } from '../../checkpoint/config';
import { isObject, type JsonObject } from '../../../json';
import { lookUp } from '../../../parts/define';
import { resampleFilters, type Filter } from '../../parts/resize';

export interface ImageSteps {
  /** fill up to a square with this colour first */
  pad: readonly [number, number, number] | null;
  /** to exactly this size, or the shorter edge to a length */
  resize: { kind: 'exact'; width: number; height: number } | { kind: 'shorter edge'; edge: number } | null;
  filter: Filter;
  /** then cut out the centre, filled up with 0 where the picture is smaller */
  crop: { width: number; height: number } | null;
  /** instead of resizing whole: cut into `least` to `most` tiles of the exact size (InternVL2's dynamic tiling) */
  tiles: { least: number; most: number; thumbnail: boolean } | null;
  /** levels are multiplied by this */
  scale: number;
  /** then (value - mean) / deviation for red, green, blue */
  mean: readonly number[];
  deviation: readonly number[];
}

interface Kind {
  edge: number;
  shorter: boolean;
  crop: number | null;
  tiles: boolean;
  pads: boolean;
}

/** Published defaults of each kind of image processor. */
const kinds: Readonly<Record<string, Kind>> = {
  CLIP: { edge: 224, shorter: true, crop: 224, tiles: false, pads: false },
  Llava: { edge: 224, shorter: true, crop: 224, tiles: false, pads: true },
  Blip: { edge: 384, shorter: false, crop: null, tiles: false, pads: false },
  GotOcr2: { edge: 384, shorter: false, crop: null, tiles: true, pads: false },
};

const clipMean = [0.48145466, 0.4578275, 0.40821073],
  clipDeviation = [0.26862954, 0.26130258, 0.27577711];
/** At most this many tiles: the published limit is 12, at times 40. */
const mostTiles = 256;

/**
 * What a family's processor class tells its image processor at every call, whatever preprocessor_config.json says
 * (`images_kwargs` of InternVLProcessor in transformers; LlavaProcessor and Blip2Processor tell theirs nothing), by
 * `model_type`. A published file often holds the image processor's own default instead: it was saved apart.
 */
const laidOver: Readonly<Record<string, JsonObject>> = { internvl: { crop_to_patches: true } };

/**
 * Reads a preprocessor configuration. `whole` is the checkpoint's config.json: OpenGVLab's InternVL2 states its tiling
 * there, LLaVA's own checkpoints whether pictures are padded. Throws UserError with every problem; an unknown processor
 * is one and lists what is known.
 */
export function imageSteps(
  config: JsonObject,
  where: string,
  whole: JsonObject = {},
  wholeWhere = 'config.json',
): ImageSteps {
  const over = lookUp(laidOver, whole['model_type']) ?? {};
  const steps = readFields({ ...config, ...over }, where, (fields) => stepsOf(fields));
  if (whole['model_type'] === 'internvl_chat')
    return readFields(whole, wholeWhere, (fields) => openGvTiling(fields, steps));
  if (whole['model_type'] === 'llava' && whole['image_aspect_ratio'] === 'pad' && steps.pad === null)
    return { ...steps, pad: background(steps.mean) };
  return steps;
}

function stepsOf(fields: Fields): ImageSteps {
  const stated = fields.raw('image_processor_type') === undefined ? 'feature_extractor_type' : 'image_processor_type';
  const name = /^(\w+?)(?:ImageProcessor(?:Fast|Pil)?|FeatureExtractor)$/.exec(fields.text(stated, ''))?.[1] ?? '';
  const kind = Object.hasOwn(kinds, name) ? kinds[name]! : undefined;
  if (kind === undefined)
    fields.bad(
      stated,
      `${Object.keys(kinds)
        .map((known) => `${known}ImageProcessor`)
        .join(', ')} (or with Fast at the end)`,
    );
  const { edge, shorter, crop, tiles, pads } = kind ?? kinds['CLIP']!;
  const number = fields.raw('resample') ?? 3;
  const filter = typeof number === 'number' ? resampleFilters.get(number) : undefined;
  if (filter === undefined)
    fields.bad('resample', [...resampleFilters].map(([code, text]) => `${code} (${text})`).join(' or '));
  const triple = (field: string, missing: readonly number[]): readonly number[] => {
    const value = fields.raw(field) ?? missing;
    const all = typeof value === 'number' ? [value, value, value] : value;
    if (
      Array.isArray(all) &&
      all.length === 3 &&
      all.every((entry) => typeof entry === 'number' && Number.isFinite(entry) && (field === 'image_mean' || entry > 0))
    )
      return all as number[];
    fields.bad(field, 'three numbers, those of image_std above 0');
    return missing;
  };
  const normalised = fields.flag('do_normalize', true);
  const mean = triple('image_mean', clipMean),
    deviation = triple('image_std', clipDeviation);
  const resized = fields.flag('do_resize', true);
  const tiled = tiles && fields.flag('crop_to_patches', false);
  if (tiled && !resized) fields.bad('do_resize', 'true: tiles are cut from a resized picture');
  return {
    pad: pads && fields.flag('do_pad', false) ? background(mean) : null,
    resize: resized ? targetOf(fields, 'size', { edge, shorter }) : null,
    filter: filter ?? 'bicubic',
    crop: crop !== null && fields.flag('do_center_crop', true) ? exactSize(fields, 'crop_size', crop) : null,
    tiles: tiled ? range(fields, 'min_patches', 1, 'max_patches', 12, true) : null,
    scale: fields.flag('do_rescale', true) ? fields.positive('rescale_factor', 1 / 255) : 1,
    mean: normalised ? mean : [0, 0, 0],
    deviation: normalised ? deviation : [1, 1, 1],
  };
}

/** LLaVA's background: the mean colour, cut to whole levels. */
const background = (mean: readonly number[]): readonly [number, number, number] =>
  [0, 1, 2].map((channel) => Math.max(0, Math.min(255, Math.trunc(mean[channel]! * 255)))) as [number, number, number];

function targetOf(fields: Fields, name: string, missing: { edge: number; shorter: boolean }): ImageSteps['resize'] {
  const value = fields.raw(name) ?? (missing.shorter ? { shortest_edge: missing.edge } : missing.edge);
  if (isObject(value) && 'shortest_edge' in value) {
    if ('longest_edge' in value) fields.bad(name, 'a shortest edge alone, or height and width');
    return { kind: 'shorter edge', edge: side(fields, name, value['shortest_edge']) };
  }
  // A mere number is what older configurations have.
  if (typeof value === 'number' && missing.shorter) return { kind: 'shorter edge', edge: side(fields, name, value) };
  return { kind: 'exact', ...exactSize(fields, name, missing.edge) };
}

function exactSize(fields: Fields, name: string, missing: number): { width: number; height: number } {
  const value = fields.raw(name) ?? missing;
  if (typeof value === 'number') return { width: side(fields, name, value), height: side(fields, name, value) };
  const { width, height } = isObject(value) ? value : { width: undefined, height: undefined };
  return { width: side(fields, name, width), height: side(fields, name, height) };
}

function side(fields: Fields, name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= limits.side) return value as number;
  fields.bad(name, `sides from 1 to ${limits.side} pixels: a number, {"height", "width"} or {"shortest_edge"}`);
  return 1;
}

function range(
  fields: Fields,
  leastName: string,
  leastMissing: number,
  mostName: string,
  mostMissing: number,
  thumbnail: boolean,
): ImageSteps['tiles'] {
  const least = fields.whole(leastName, leastMissing, mostTiles),
    most = fields.whole(mostName, mostMissing, mostTiles);
  if (least > most) fields.bad(leastName, `at most ${mostName}, which is ${most}`);
  return { least, most, thumbnail };
}

/**
 * OpenGVLab's InternVL2: `dynamic_preprocess` with the numbers of config.json; preprocessor_config.json gives colours
 * only.
 */
function openGvTiling(fields: Fields, steps: ImageSteps): ImageSteps {
  const edge = fields.side('force_image_size', fields.optional('vision_config').side('image_size', 224));
  const tiles = fields.flag('dynamic_image_size', false)
    ? range(fields, 'min_dynamic_patch', 1, 'max_dynamic_patch', 6, fields.flag('use_thumbnail', false))
    : null;
  return { ...steps, pad: null, resize: { kind: 'exact', width: edge, height: edge }, crop: null, tiles };
}
