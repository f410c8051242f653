/** What the checks of every sound format share: the error of a file, and what they find to be the sound. */
import { userError } from '../../problems';

export type SoundFormat = 'wav' | 'mp3' | 'flac' | 'ogg';

/** The formats in words, for messages. */
export const readableSounds = 'WAV, MP3, FLAC or Ogg Vorbis';

/** Makes the error for a file: what is wrong, and what was expected. */
export type Bad = (what: string, expected?: string) => Error;

/** The part of a file that is the sound, checked to be whole. */
export interface SoundBody {
  format: SoundFormat;
  /** what the decoder is given */
  bytes: Uint8Array;
  /** samples of each channel that must come out, with how many fewer are still whole (encoders pad, decoders trim) */
  samples?: { stated: number; fewer: number };
  /** where the decoder cannot tell one channel from two equal ones */
  channels?: number;
}

/** The error of a file named `where`. */
export function badSound(where: string): Bad {
  return (what, expected) => userError({ where, what, ...(expected === undefined ? {} : { expected }) });
}

/** Text of Latin-1 bytes. */
export function ascii(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', at, at + length);
}
