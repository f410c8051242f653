/**
 * Resizing as Pillow does it: a separable filter, widened when the picture shrinks, with coefficients and sums in fixed
 * point, so that every value equals Pillow's. sharp's kernels differ from it by up to 179 of 255 levels
 * (docs/models.md), which is why they are not used here. Source: Pillow, `src/libImaging/Resample.c`
 * (`precompute_coeffs`, `normalize_coeffs_8bpc`); Keys 1981 for the cubic kernel with a = -0.5.
 */

/** Red, green, blue of every pixel, row by row. */
export interface Picture {
  width: number;
  height: number;
  /** [height, width, 3] */
  data: Uint8Array;
}

/** Filters by Pillow's names, with its numbers in `resampleFilters`. */
export type Filter = 'bilinear' | 'bicubic';

/** Pillow's number of each filter, as `resample` of a preprocessor_config.json has it. */
export const resampleFilters: ReadonlyMap<number, Filter> = new Map([
  [2, 'bilinear'],
  [3, 'bicubic'],
]);

const kernels: Record<Filter, { support: number; weight(x: number): number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5,
        d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/** Fraction bits of the coefficients: 8 bits of a value and 2 of headroom leave 22 of 32. */
const one = 2 ** 22;

interface Tap {
  first: number;
  weights: Int32Array;
}

/** For each of `size` outputs: the first of `from` inputs that it sees, and their weights in units of 2^-22. */
function taps(from: number, size: number, filter: Filter): Tap[] {
  const { support: reach, weight } = kernels[filter];
  const scale = from / size,
    widened = Math.max(scale, 1),
    support = reach * widened,
    narrowing = 1 / widened;
  return Array.from({ length: size }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5)),
      end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Float64Array.from({ length: end - first }, (_unused, k) =>
      weight((k + first - centre + 0.5) * narrowing),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    return {
      first,
      weights: Int32Array.from(raw, (value) => Math.trunc((value / sum) * one + (value < 0 ? -0.5 : 0.5))),
    };
  });
}

/** One axis: `lines` lines of `from` pixels, `step` values apart, `line` values from line to line. */
function along(
  data: Uint8Array,
  lines: number,
  from: { step: number; line: number },
  out: Uint8Array,
  to: { step: number; line: number },
  all: readonly Tap[],
): void {
  for (let l = 0; l < lines; l++) {
    for (let i = 0; i < all.length; i++) {
      const { first, weights } = all[i]!;
      let red = one / 2,
        green = one / 2,
        blue = one / 2;
      let at = l * from.line + first * from.step;
      for (let k = 0; k < weights.length; k++, at += from.step) {
        const weight = weights[k]!;
        red += weight * data[at]!;
        green += weight * data[at + 1]!;
        blue += weight * data[at + 2]!;
      }
      const place = l * to.line + i * to.step;
      out[place] = level(red);
      out[place + 1] = level(green);
      out[place + 2] = level(blue);
    }
  }
}

const level = (sum: number): number => Math.max(0, Math.min(255, sum >> 22));

/** The picture at another size: first along rows, then along columns, rounded to levels in between. */
export function resize(picture: Picture, width: number, height: number, filter: Filter): Picture {
  let { data } = picture;
  if (width !== picture.width) {
    const out = new Uint8Array(3 * width * picture.height);
    along(
      data,
      picture.height,
      { step: 3, line: 3 * picture.width },
      out,
      { step: 3, line: 3 * width },
      taps(picture.width, width, filter),
    );
    data = out;
  }
  if (height !== picture.height) {
    const out = new Uint8Array(3 * width * height);
    along(
      data,
      width,
      { step: 3 * width, line: 3 },
      out,
      { step: 3 * width, line: 3 },
      taps(picture.height, height, filter),
    );
    data = out;
  }
  return { width, height, data };
}
