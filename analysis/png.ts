/** Text and print size inside a PNG file, as chunks of the PNG specification (third edition, section 11.3). */

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

/**
 * The PNG with a pHYs chunk for `dotsPerInch` and one uncompressed iTXt chunk (UTF-8) for each text, after the header.
 */
export function annotatePng(png: Buffer, dotsPerInch: number, texts: Record<string, string>): Buffer {
  const headerEnd = 8 + 4 + 4 + 13 + 4;
  const physical = Buffer.alloc(9);
  const perMetre = Math.round(dotsPerInch / 0.0254);
  physical.writeUInt32BE(perMetre, 0);
  physical.writeUInt32BE(perMetre, 4);
  physical.writeUInt8(1, 8);
  const chunks = Object.entries(texts).map(([keyword, text]) =>
    chunk('iTXt', Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text, 'utf8')])),
  );
  return Buffer.concat([png.subarray(0, headerEnd), chunk('pHYs', physical), ...chunks, png.subarray(headerEnd)]);
}
