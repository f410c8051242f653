/** Closed forms of a picture and a sound; test/fixtures/encoders/make_fixtures.py repeats them. */

/** 128 x 128 pixels of red, green, blue. */
export function stripes(): Buffer {
  const pixels = Buffer.alloc(128 * 128 * 3);
  for (let y = 0; y < 128; y++)
    for (let x = 0; x < 128; x++)
      for (let c = 0; c < 3; c++)
        pixels[(y * 128 + x) * 3 + c] = Math.floor(128 + 127 * Math.sin(0.05 * x * (c + 1) + 0.03 * y));
  return pixels;
}

/** 5 s at 16 kHz: a chirp from 200 Hz upwards over a tone of 3 kHz. */
export function chirp(): Float32Array {
  return Float32Array.from({ length: 80_000 }, (_, i) => {
    const t = i / 16_000;
    return 0.5 * Math.sin(2 * Math.PI * (200 * t + 350 * t * t)) + 0.1 * Math.sin(2 * Math.PI * 3000 * t);
  });
}

/** Red, green, blue of a picture that fixtures/processors/make_fixtures.py draws too. */
export function testPicture(width: number, height: number): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        data[3 * (y * width + x) + c] =
          (x * (3 + 2 * c) +
            y * (5 - c) +
            Math.floor((x * y) / (7 + c)) * 11 +
            ((Math.floor(x / 9) + Math.floor(y / 7)) % 2) * 90) %
          256;
      }
  return { width, height, data };
}
