/**
 * Image processors against Pillow and transformers, log-mel against transformers and the published filter bank
 * (fixtures/processors/make_fixtures.py).
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { melFilters } from '../../src/models/parts/logMel';
import { inputFeatures, soundSteps } from '../../src/models/published/processors/audio';
import { applySteps, outputSize, tileGrid } from '../../src/models/published/processors/image';
import { imageSteps } from '../../src/models/published/processors/imageConfig';
import { readPixels } from '../../src/models/published/processors/picture';
import { resampleFilters, resize } from '../../src/models/parts/resize';
import { expectEvery } from '../../testing/lists';
import { testPicture } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';

interface Sample {
  shape: number[];
  sha256: string;
  step: number;
  values: number[];
}
const read = <T>(name: string) =>
  JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'processors', name), 'utf8')) as T;
const pictures = read<{
  processors: (Sample & { name: string; picture: [number, number]; config: Record<string, unknown> })[];
  grids: [number, number, number, number, number, number][];
  resized: { from: [number, number]; to: [number, number]; resample: number; sha256: string }[];
}>('pictures.json');
const sounds = read<{
  features: (Sample & { name: string; bands: number; seconds: number })[];
  banks: Record<string, { shape: [number, number]; zeros: number; places: number[]; values: number[] }>;
}>('sounds.json');

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('resizing', () => {
  it.each(pictures.resized)(
    'gives every level of Pillow: $from to $to, filter $resample',
    ({ from, to, resample, sha256: expected }) => {
      expect(sha256(resize(testPicture(...from), ...to, resampleFilters.get(resample)!).data)).toBe(expected);
    },
  );

  it('leaves a picture of the wanted size as it is', () => {
    expect(resize(testPicture(9, 7), 9, 7, 'bicubic')).toEqual(testPicture(9, 7));
  });
});

describe('image processors', () => {
  it.each(pictures.processors)(
    '$name: every value of transformers',
    ({ picture, config, shape, step, values, sha256: expected }) => {
      const { width, height, outputs } = applySteps(
        imageSteps(config, 'preprocessor_config.json'),
        testPicture(...picture),
      );
      expect([outputs.length, 3, height, width]).toEqual(shape);
      const all = Float32Array.from(outputs.flatMap((output) => Array.from(output)));
      expect(values.map((_, i) => all[i * step])).toEqual(values);
      expect(sha256(new Uint8Array(all.buffer))).toBe(expected);
    },
  );

  it('chooses the tiles of transformers for 288 sizes', () => {
    const wrong = pictures.grids.filter(([width, height, least, most, columns, rows]) => {
      const got = tileGrid(width, height, { width: 448, height: 448 }, least, most);
      return got.columns !== columns || got.rows !== rows;
    });
    expect(pictures.grids.length).toBe(288);
    expect(wrong).toEqual([]);
  });

  it("reads OpenGVLab's tiling from config.json, and LLaVA's padding", () => {
    const config = {
      feature_extractor_type: 'CLIPFeatureExtractor',
      crop_size: 448,
      size: 448,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    };
    const steps = imageSteps(config, 'p', {
      model_type: 'internvl_chat',
      force_image_size: 448,
      dynamic_image_size: true,
      max_dynamic_patch: 12,
      use_thumbnail: true,
    });
    expect(steps).toMatchObject({
      tiles: { least: 1, most: 12, thumbnail: true },
      resize: { kind: 'exact', width: 448, height: 448 },
      crop: null,
    });
    expect(applySteps(steps, testPicture(900, 300)).outputs.length).toBe(4);
    expect(
      outputSize(imageSteps(config, 'p', { model_type: 'internvl_chat', vision_config: { image_size: 448 } })),
    ).toEqual({ width: 448, height: 448 });
    expect(
      imageSteps({ image_processor_type: 'CLIPImageProcessor' }, 'p', {
        model_type: 'llava',
        image_aspect_ratio: 'pad',
      }).pad,
    ).toEqual([122, 116, 104]);
  });

  it('cuts for InternVL whatever its file says, as its processor class does, and by itself only where the file says so', () => {
    const tilesOf = (config: object, whole = {}) =>
      imageSteps({ image_processor_type: 'GotOcr2ImageProcessor', ...config }, 'p', whole).tiles;
    const tiles = { least: 1, most: 12, thumbnail: true };
    expect(tilesOf({})).toBeNull();
    expect(tilesOf({ crop_to_patches: true })).toEqual(tiles);
    for (const file of [{}, { crop_to_patches: false }, { crop_to_patches: null }, { crop_to_patches: true }])
      expect(tilesOf(file, { model_type: 'internvl' })).toEqual(tiles);
    expect(tilesOf({ crop_to_patches: false, max_patches: 6 }, { model_type: 'internvl' })).toEqual({
      ...tiles,
      most: 6,
    });
    expect(tilesOf({}, { model_type: 'llava' })).toBeNull();
  });

  it('lists what is known when a processor is not, and every wrong setting', () => {
    expect(() => imageSteps({ image_processor_type: 'SiglipImageProcessor' }, 'p')).toThrow(
      /"SiglipImageProcessor"; expected CLIPImageProcessor, LlavaImageProcessor, BlipImageProcessor, GotOcr2ImageProcessor/,
    );
    expect(() => imageSteps({}, 'p')).toThrow(/feature_extractor_type: missing/);
    expect(() => imageSteps({ image_processor_type: 'constructorImageProcessor' }, 'p')).toThrow(
      /expected CLIPImageProcessor/,
    );
    const wrong = () =>
      imageSteps(
        {
          image_processor_type: 'CLIPImageProcessor',
          resample: 1,
          size: { longest_edge: 3 },
          crop_size: -1,
          image_std: [1, 0, 1],
          rescale_factor: 'x',
        },
        'p',
      );
    for (const name of ['resample', 'size', 'crop_size', 'image_std', 'rescale_factor'])
      expect(wrong).toThrow(new RegExp(`p/${name}`));
    expect(() =>
      imageSteps(
        { image_processor_type: 'GotOcr2ImageProcessor', crop_to_patches: true, min_patches: 9, max_patches: 3 },
        'p',
      ),
    ).toThrow(/min_patches/);
  });

  it('refuses a picture that would be blown up without bounds', () => {
    const steps = imageSteps({ image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 336 } }, 'p');
    expect(() => applySteps(steps, testPicture(20_000, 1))).toThrow(/become 6720000 x 336/);
  });
});

describe('picture files', () => {
  const path = (name: string) => join(mkdtempSync(join(tmpdir(), 'pictures-')), name);

  it('gives the pixels of a PNG, grey ones too, and says how many are transparent', async () => {
    const raw = testPicture(7, 5);
    const opaque = path('a.png'),
      grey = path('g.png'),
      clear = path('t.png');
    await sharp(raw.data, { raw: { width: 7, height: 5, channels: 3 } })
      .png()
      .toFile(opaque);
    expect(await readPixels(opaque)).toEqual({ picture: raw, notices: [] });
    await sharp(raw.data, { raw: { width: 7, height: 5, channels: 3 } })
      .greyscale()
      .png()
      .toFile(grey);
    const { picture } = await readPixels(grey);
    expectEvery(picture.data, (value, i) => value === picture.data[i - (i % 3)]);
    const colours = Uint8Array.from({ length: 4 * 4 }, (_, i) => (i % 4 === 3 ? (i < 8 ? 0 : 255) : 10 * i));
    await sharp(colours, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toFile(clear);
    const see = await readPixels(clear);
    expect(Array.from(see.picture.data.subarray(0, 3))).toEqual([0, 10, 20]);
    expect(see.notices).toEqual([expect.stringContaining('2 of 4 pixels are transparent')]);
  });

  it('does not turn a picture by its EXIF orientation', async () => {
    const file = path('r.jpg');
    await sharp(testPicture(16, 8).data, { raw: { width: 16, height: 8, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toFile(file);
    expect((await readPixels(file)).picture).toMatchObject({ width: 16, height: 8 });
  });

  it('refuses torn files, text and drawings that run programs', async () => {
    const torn = path('t.png'),
      text = path('t.jpg'),
      svg = path('s.png');
    await sharp(testPicture(40, 40).data, { raw: { width: 40, height: 40, channels: 3 } })
      .png()
      .toFile(torn);
    writeFileSync(torn, readFileSync(torn).subarray(0, 300));
    writeFileSync(text, 'no picture');
    writeFileSync(svg, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    for (const file of [torn, text, svg, path('none.png')])
      await expect(readPixels(file)).rejects.toThrow(/expected a whole png, jpeg/);
  });
});

describe('log-mel', () => {
  const chirp = (seconds: number) =>
    Float32Array.from({ length: Math.trunc(seconds * 16_000) }, (_, i) => {
      const t = i / 16_000;
      return 0.5 * Math.sin(2 * Math.PI * (200 * t + 350 * t * t)) + 0.1 * Math.sin(2 * Math.PI * 3000 * t);
    });

  it.each(sounds.features)('$name: within 1e-4 of transformers', ({ bands, seconds, shape, step, values }) => {
    const steps = soundSteps({ feature_extractor_type: 'WhisperFeatureExtractor', feature_size: bands }, 'p');
    const got = inputFeatures(steps, chirp(seconds));
    expect([steps.bands, steps.frames]).toEqual(shape);
    expect(got.length).toBe(shape[0]! * shape[1]!);
    const worst = Math.max(...values.map((value, i) => Math.abs(got[i * step]! - value)));
    expect(worst).toBeLessThan(1e-4);
  });

  it.each(Object.keys(sounds.banks))('%s bands: the published filter bank', (bands) => {
    const { shape, zeros, places, values } = sounds.banks[bands]!;
    const filters = melFilters(Number(bands));
    expect([filters.length, filters[0]!.length]).toEqual(shape);
    const flat = filters.flatMap((filter) => Array.from(filter));
    expect(flat.filter((weight) => weight === 0).length).toBe(zeros);
    expect(Math.max(...places.map((place, i) => Math.abs(flat[place]! - values[i]!)))).toBeLessThan(1e-8);
  });
});
