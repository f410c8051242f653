/**
 * Decoding by libraries, one for each format; each part that comes out is bounded, and what a decoder complains of is a
 * fault.
 */
import { importFrom } from '../../sources/libraries';
import { type Bad, readableSounds, type SoundBody, type SoundFormat } from './body';

/** Bounds on a sound of any kind. */
export interface DecodeLimits {
  /** seconds */
  longest: number;
  channels: number;
  /** samples a second */
  rate: { least: number; most: number };
}

interface Decoded {
  channelData: Float32Array[];
  sampleRate: number;
  samplesDecoded?: number;
  errors?: readonly { message: string }[];
}
interface Decoder {
  decode(bytes: Uint8Array): Decoded;
  flush?(): Decoded;
  free(): void;
}

const decoders: Readonly<Record<SoundFormat, () => Promise<Decoder>>> = {
  wav: async () => (await import('@audio/decode-wav')).decoder(),
  mp3: () => fetched('@audio/decode-mp3'),
  flac: () => fetched('@audio/decode-flac'),
  ogg: () => fetched('@audio/decode-vorbis'),
};

/** A decoder of a package that is not installed with the others: parts of it are under the LGPL. */
async function fetched(name: string): Promise<Decoder> {
  const { decoder } = await importFrom<{ decoder: () => Promise<Decoder> }>('sounds', name);
  return decoder();
}

/**
 * Compressed silence expands a thousandfold, so the decoder is fed little at a time and stopped at the limit. FLAC is
 * fed whole: fed in parts, the library loses the last frame; its frames were counted before instead.
 */
const chunkBytes = 4096;

/**
 * The channels of a sound, all of equal length. Throws UserError (by `bad`) for what cannot be decoded whole or breaks
 * a limit.
 */
export async function decodeBody(
  { format, bytes, samples, channels }: SoundBody,
  limits: DecodeLimits,
  bad: Bad,
): Promise<{ channels: Float32Array[]; rate: number }> {
  const parts: Float32Array[][] = [];
  let [rate, length] = [0, 0];
  const take = ({ channelData, sampleRate, samplesDecoded, errors = [] }: Decoded): void => {
    if (errors.length > 0) throw bad(`the sound cannot be decoded whole (${errors[0]!.message})`, `a whole sound`);
    const part = channelData.slice(0, channels).map((one) => one.subarray(0, samplesDecoded));
    const added = part[0]?.length ?? 0;
    if (added === 0) return;
    rate ||= sampleRate;
    length += added;
    if (sampleRate !== rate || part.length !== (parts[0]?.length ?? part.length))
      throw bad('the sound changes its sampling rate or its channels on the way');
    if (part.length > limits.channels) throw bad(`the sound has ${part.length} channels`, `at most ${limits.channels}`);
    if (!(rate >= limits.rate.least && rate <= limits.rate.most))
      throw bad(`the sound has ${rate} samples a second`, `${limits.rate.least} to ${limits.rate.most}`);
    if (length > limits.longest * rate)
      throw bad(`the sound is longer than ${limits.longest} seconds`, 'a shorter one');
    parts.push(part);
  };
  const decoder = await decoders[format]();
  try {
    const step = format === 'flac' ? bytes.length : chunkBytes;
    for (let at = 0; at < bytes.length; at += step)
      take(quietly(() => decoder.decode(Uint8Array.from(bytes.subarray(at, at + step))))); // copies: decoders assume even offsets
    if (decoder.flush !== undefined) take(quietly(() => decoder.flush!()));
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') throw error;
    throw bad(
      `the sound cannot be decoded (${error instanceof Error ? error.message : String(error)})`,
      readableSounds,
    );
  } finally {
    decoder.free();
  }
  if (length === 0) throw bad('the sound has no samples');
  if (
    samples !== undefined &&
    (length < samples.stated - samples.fewer || (length > samples.stated && format !== 'ogg'))
  )
    throw bad(`the sound could not be decoded whole: ${length} samples came out`, `${samples.stated}, as it states`);
  const joinedChannels = parts[0]!.map((_, channel) =>
    joined(
      parts.map((part) => part[channel]!),
      length,
    ),
  );
  return { channels: joinedChannels, rate };
}

/** Decoding without the library's own lines on the console, which name no file: its errors are in what it returns. */
function quietly<T>(work: () => T): T {
  const before = console.error;
  console.error = () => undefined;
  try {
    return work();
  } finally {
    console.error = before;
  }
}

function joined(parts: Float32Array[], length: number): Float32Array {
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
