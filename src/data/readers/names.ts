/**
 * Names of released files: bytes that somebody chose, looked up and kept exactly as stated, and escaped only where they
 * are shown.
 */
import { printable } from '../../printable';

/**
 * Whether a name stays below the folder it is looked up in or put in: relative, no `.` or `..` step. Spaces, control
 * characters and, where the system allows it, backslashes are letters like any other; half a surrogate pair is no text
 * and so no name.
 */
export function isInside(name: string): boolean {
  if (name === '' || name.length > 1000 || name.includes('\0') || /\p{Surrogate}/u.test(name)) return false;
  if (process.platform === 'win32' && (name.includes('\\') || /^[A-Za-z]:/.test(name))) return false;
  return name.split('/').every((step) => !['', '.', '..'].includes(step) && Buffer.byteLength(step) <= 255);
}

/**
 * A name for a message: control and direction characters and unusual spaces as `\uXXXX`, in quotes where its spaces
 * would be overlooked.
 */
export function shown(name: string): string {
  const text = printable(name).replace(
    /[^\S ]/gu,
    (space) => `\\u${space.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const cut = text.length > 200 ? `${text.slice(0, 197)}...` : text;
  return /^ | $| {2}| \./.test(cut) ? `"${cut}"` : cut;
}

/** Equal for names that look the same: composed (NFC) and decomposed (NFD) letters, as Linux and macOS write them. */
export function composed(name: string): string {
  return name.normalize('NFC');
}

/** Equal for names that a person takes for the same, to say which file may be meant; never to look one up. */
export function alike(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll('\\', '/')
    .replace(/\s+/gu, ' ')
    .replace(/ ?([./]) ?/g, '$1')
    .trim()
    .toLowerCase();
}

/** A file name as bytes of the disk in text: UTF-8, else Windows-1252, which older systems wrote. */
export function decodedName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
