/** Ogg (RFC 3533): a chain of pages, each with its number and checksum; the last one carries a flag. */
import { ascii, type Bad, type SoundBody } from './body';

/** CRC-32 of polynomial 04C11DB7, high bit first, as Ogg has it. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000_0000 ? (value << 1) ^ 0x04c1_1db7 : value << 1;
  return value >>> 0;
});

/** Checksum of a page, whose own field (bytes 22 to 25) counts as zeros. */
function checksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i]!;
    crc = ((crc << 8) ^ crcTable[((crc >>> 24) ^ byte) & 255]!) >>> 0;
  }
  return crc;
}

function pageLength(bytes: Uint8Array, at: number): number {
  const segments = bytes[at + 26] ?? 0;
  let length = 27 + segments;
  for (let i = 0; i < segments; i++) length += bytes[at + 27 + i] ?? 255;
  return length;
}

/** The last page must be whole and carry the end-of-stream flag, and no page before it may be missing or damaged. */
export function wholeOgg(bytes: Uint8Array, bad: Bad): SoundBody {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = buffer.lastIndexOf('OggS');
  if (last + pageLength(bytes, last) > bytes.length || ((bytes[last + 5] ?? 0) & 4) === 0)
    throw bad('the sound is cut off: its last page is missing', 'a whole Ogg file');
  const numbers = new Map<number, number>();
  const ends: number[] = []; // samples played at the end of each page that says so
  let streams = 0;
  for (let at = 0; at <= last;) {
    const length = pageLength(bytes, at);
    if (ascii(bytes, at, 4) !== 'OggS' || buffer.readUInt32LE(at + 22) !== checksum(bytes.subarray(at, at + length)))
      throw bad(`the sound is damaged at byte ${at}`, 'an Ogg file whose pages have their checksums');
    const [serial, number] = [buffer.readUInt32LE(at + 14), buffer.readUInt32LE(at + 18)];
    const before = numbers.get(serial);
    if (before === undefined) streams += 1;
    else if (number !== before + 1)
      throw bad(`the sound lacks a part: page ${number} follows page ${before}`, 'an Ogg file with all its pages');
    numbers.set(serial, number);
    const played = buffer.readBigInt64LE(at + 6);
    if (played > 0n) ends.push(Number(played));
    at += length;
  }
  if (streams > 1 || ends.length === 0) return { format: 'ogg', bytes };
  // A recording of a broadcast begins with what was played before; one block may be lost at such a beginning.
  return { format: 'ogg', bytes, samples: { stated: ends.at(-1)! - (ends.length > 1 ? ends[0]! : 0), fewer: 8192 } };
}
