/** Small WAV files for tests, written here so that the decoder is tested against another hand than its own. */

type WavEncoding = 'int16' | 'float' | 'uint8';

/** A RIFF WAVE file of channels of equal length. */
export function wav(channels: readonly Float32Array[], rate: number, encoding: WavEncoding = 'int16'): Buffer {
  const bytes = { int16: 2, float: 4, uint8: 1 }[encoding];
  const frames = channels[0]?.length ?? 0;
  const data = Buffer.alloc(frames * channels.length * bytes);
  for (let i = 0; i < frames; i++) {
    channels.forEach((channel, c) => {
      const at = (i * channels.length + c) * bytes;
      const value = channel[i]!;
      if (encoding === 'float') data.writeFloatLE(value, at);
      else if (encoding === 'uint8') data.writeUInt8(Math.round(127.5 + Math.max(-1, Math.min(1, value)) * 127), at);
      else data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, value)) * 32767), at);
    });
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(encoding === 'float' ? 3 : 1, 20);
  head.writeUInt16LE(channels.length, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * channels.length * bytes, 28);
  head.writeUInt16LE(channels.length * bytes, 32);
  head.writeUInt16LE(8 * bytes, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

/** A sine of amplitude 0.5. */
export function sineWav(frequency: number, of: { rate: number; seconds: number; encoding?: WavEncoding }): Buffer {
  const samples = Float32Array.from(
    { length: Math.round(of.rate * of.seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * frequency * i) / of.rate),
  );
  return wav([samples], of.rate, of.encoding);
}
