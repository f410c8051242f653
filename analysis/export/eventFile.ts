/**
 * TensorBoard's event files: records of TFRecord (length, masked crc32c of both) around `tensorflow.Event` messages of
 * protocol buffers. Sources: tensorflow/core/lib/io/record_writer.cc, tensorflow/core/util/event.proto,
 * tensorflow/core/framework/summary.proto, tensorboard/plugins/hparams/plugin_data.proto.
 */

/** Castagnoli's polynomial, reversed. */
const polynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
  return rest;
});

/** crc32c as TFRecord keeps it: rotated by 15 bits and moved by a constant. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record: length, its crc, the bytes, their crc. */
export function record(bytes: Uint8Array): Buffer {
  const framed = Buffer.alloc(16 + bytes.length);
  framed.writeBigUInt64LE(BigInt(bytes.length), 0);
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8);
  framed.set(bytes, 12);
  framed.writeUInt32LE(maskedCrc(bytes), 12 + bytes.length);
  return framed;
}

/** A whole number of at most 53 bits, seven bits a byte. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const key = (field: number, wire: 0 | 1 | 2 | 5): Buffer => varint((field << 3) | wire);
const whole = (field: number, value: number): Buffer => Buffer.concat([key(field, 0), varint(value)]);

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, 5), bytes]);
}

/** A text, or a message of its fields. */
function part(field: number, content: string | readonly Buffer[]): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.concat(content);
  return Buffer.concat([key(field, 2), varint(bytes.length), bytes]);
}

/** An event; step 0 is what is meant where none is written. */
const event = (seconds: number, step: number, content: Buffer): Buffer =>
  record(Buffer.concat([double(1, seconds), ...(step === 0 ? [] : [whole(2, step)]), content]));

/** The first record of a file. `seconds`: since 1970, as everywhere here. */
export const fileHead = (seconds: number): Buffer =>
  record(Buffer.concat([double(1, seconds), part(3, 'brain.Event:2')]));

/** Scalars of one step, in float32. */
export const scalars = (seconds: number, step: number, values: readonly { name: string; value: number }[]): Buffer =>
  event(
    seconds,
    step,
    part(
      5,
      values.map(({ name, value }) => part(1, [part(1, name), float(2, value)])),
    ),
  );

/** A setting of a run as the dashboard HPARAMS shows it. */
export type HyperParameter = string | number | boolean;

/** `google.protobuf.Value`. */
function valueOf(value: HyperParameter): Buffer[] {
  if (typeof value === 'number') return [double(2, value)];
  return typeof value === 'string' ? [part(3, value)] : [whole(4, value ? 1 : 0)];
}

/** A record of the hparams plugin: `HParamsPluginData` in the metadata of an empty summary. */
function ofPlugin(seconds: number, tag: string, content: Buffer): Buffer {
  const metadata = part(9, [part(1, [part(1, 'hparams'), part(2, [content])])]);
  // A tensor without values, which readers ask for and do not look at.
  const empty = part(8, [whole(1, 1), part(2, [part(2, [])])]);
  return event(seconds, 0, part(5, [part(1, [part(1, tag), empty, metadata])]));
}

/** The settings of a run, which began at `seconds`; runs of one `group` differ in their seeds. */
export const sessionStart = (
  seconds: number,
  group: string,
  settings: readonly (readonly [name: string, value: HyperParameter])[],
): Buffer =>
  ofPlugin(
    seconds,
    '_hparams_/session_start_info',
    part(3, [
      ...settings.map(([name, value]) => part(1, [part(1, name), part(2, valueOf(value))])),
      part(4, group),
      double(5, seconds),
    ]),
  );

/** The end of a run that succeeded. */
export const sessionEnd = (seconds: number): Buffer =>
  ofPlugin(seconds, '_hparams_/session_end_info', part(4, [whole(1, 1), double(2, seconds)]));
