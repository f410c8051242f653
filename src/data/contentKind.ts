/** What a file really is, by its bytes, for messages about one that is not what its name says. */
import { isUtf8 } from 'node:buffer';

const signatures: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n\x1a\n/, 'a PNG picture'],
  [/^\xff\xd8\xff/, 'a JPEG picture'],
  [/^GIF8[79]a/, 'a GIF picture'],
  [/^RIFF[\s\S]{4}WEBP/, 'a WebP picture'],
  [/^(?:II\*\0|MM\0\*|II\x2b\0|MM\0\x2b)/, 'a TIFF picture'],
  [/^BM[\s\S]{4}\0\0\0\0/, 'a BMP picture'],
  [/^\0\0\x01\0/, 'an icon (ICO)'],
  [/^[\s\S]{4}ftyp(?:avif|avis|heic|heix|mif1|msf1)/, 'an AVIF or HEIC picture'],
  [/^(?:\xff\x0a|\0\0\0\x0cJXL )/, 'a JPEG XL picture'],
  [/^\0\0\0\x0cjP {2}/, 'a JPEG 2000 picture'],
  [/^P[1-7]\s/, 'a Netpbm picture (PBM, PGM, PPM)'],
  [/^8BPS/, 'a Photoshop file'],
  [/^R(?:IFF|F64)[\s\S]{4}WAVE/, 'a WAV sound'],
  [/^RIFX[\s\S]{4}WAVE/, 'a big-endian WAV sound (RIFX)'],
  [/^riff\x2e\x91\xcf\x11/, 'a Wave64 sound'],
  [/^fLaC/, 'a FLAC sound'],
  [/^OggS[\s\S]{24}OpusHead/, 'an Ogg Opus sound'],
  [/^OggS[\s\S]{24}\x7fFLAC/, 'FLAC inside Ogg'],
  [/^OggS[\s\S]{24}Speex/, 'a Speex sound'],
  [/^OggS/, 'an Ogg file'],
  [/^FORM[\s\S]{4}AIF[FC]/, 'an AIFF sound'],
  [/^\.snd/, 'an AU sound'],
  [/^caff/, 'a Core Audio file'],
  [/^MThd/, 'a MIDI file'],
  [/^#!AMR/, 'an AMR sound'],
  [/^wvpk/, 'a WavPack sound'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'an AAC sound (ADTS)'],
  [/^ID3/, 'an ID3 tag'],
  [/^[\s\S]{4}ftyp/, 'an MP4 or M4A file'],
  [/^\x1a\x45\xdf\xa3/, 'a Matroska or WebM file'],
  [/^\x30\x26\xb2\x75\x8e\x66\xcf\x11/, 'a Windows Media file'],
  [/^FLV\x01/, 'a Flash video'],
  [/^RIFF[\s\S]{4}AVI /, 'an AVI video'],
  [/^%PDF/, 'a PDF'],
  [/^PK(?:\x03\x04|\x05\x06)/, 'a zip archive (or a document made of one)'],
  [/^\x1f\x8b/, 'gzip-compressed'],
  [/^BZh/, 'bzip2-compressed'],
  [/^\xfd7zXZ\0/, 'xz-compressed'],
  [/^\x28\xb5\x2f\xfd/, 'zstd-compressed'],
  [/^7z\xbc\xaf\x27\x1c/, 'a 7z archive'],
  [/^Rar!/, 'a RAR archive'],
  [/^[\s\S]{257}ustar/, 'a tar archive'],
  [/^PAR1/, 'a Parquet file'],
  [/^(?:\x80[\x02-\x05])/, 'a Python pickle'],
  [/^(?:\xff\xfe|\xfe\xff)/, 'text in UTF-16'],
  [/^version https:\/\/git-lfs/, 'a pointer of Git LFS, whose file was not fetched (git lfs pull)'],
];

/** What the page of a web server may begin with; many leave `html` out. */
const ofPages = new Set(
  '!doctype html,html,head,body,title,meta,link,script,style,center,div,p,h1,h2,pre,br'.split(','),
);

/** The words for what these bytes are, e.g. `an HTML page`; what nothing fits is told by its first bytes. */
export function whatItIs(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = buffer.toString('latin1', 0, 512);
  const known = signatures.find(([pattern]) => pattern.test(head));
  if (known !== undefined) return known[1];
  const root = rootElement(bytes);
  if (root !== undefined) return ofPages.has(root) ? 'an HTML page' : root === 'svg' ? 'an SVG drawing' : 'XML';
  if (/^(?:\xef\xbb\xbf)?\s*[[{]/.test(head)) return 'JSON text';
  if (buffer.subarray(0, 4096).every((byte) => byte === 0)) return 'a file of zeros';
  if (isText(buffer)) return 'plain text';
  return `a file that begins with the bytes ${buffer.toString('hex', 0, 8)}`;
}

/** UTF-8 without the control characters that no text has; the last character of the part may be cut. */
function isText(buffer: Buffer): boolean {
  const part = buffer.subarray(0, 4096);
  if (part.some((byte) => (byte < 32 && ![9, 10, 12, 13, 27].includes(byte)) || byte === 127)) return false;
  return [0, 1, 2, 3].some((cut) => cut < part.length && isUtf8(part.subarray(0, part.length - cut)));
}

/**
 * The name of a markup file's outermost element in small letters without its prefix, or `!doctype html`; undefined for
 * what is no markup. What may stand before it (byte order mark, declarations, comments) is passed over, at most 64 KB
 * of it.
 */
export function rootElement(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65_536)).toString('latin1');
  let at = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at += 1;
    if (text.charAt(at) !== '<') return undefined;
    const next = text.slice(at, at + 200);
    if (/^<!doctype\s+html/i.test(next)) return '!doctype html';
    const end = next.startsWith('<!--')
      ? '-->'
      : next.startsWith('<?')
        ? '?>'
        : next.startsWith('<!')
          ? '>'
          : undefined;
    if (end === undefined) return /^<(?:[a-z_][\w.-]*:)?([a-z_][\w.-]*)/i.exec(next)?.[1]?.toLowerCase();
    // A document type with declarations of its own ends at `]>`.
    const bracket = end === '>' ? /^<![^>]*\[/.test(text.slice(at, at + 4096)) : false;
    const found = text.indexOf(bracket ? ']>' : end, at + 2);
    if (found < 0) return undefined;
    at = found + (bracket ? 2 : end.length);
  }
}
