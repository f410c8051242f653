/** Writes small model files of CTranslate2 for tests, right or wrong on purpose. */

export interface Ctranslate2Parts {
  version?: number;
  spec?: string;
  /** stated instead of the true number */
  count?: number;
  variables: { name: string; shape: number[]; type: number; data: Buffer }[];
  aliases?: [alias: string, of: string][];
  /** bytes behind the end */
  more?: number;
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const text = (value: string) => {
  const bytes = Buffer.from(`${value}\0`);
  return Buffer.concat([Buffer.from(Uint16Array.of(bytes.length).buffer), bytes]);
};

/** A file of exactly these parts: nothing is checked. */
export function ctranslate2File({
  version = 6,
  spec = 'WhisperSpec',
  count,
  variables,
  aliases = [],
  more = 0,
}: Ctranslate2Parts): Buffer {
  return Buffer.concat([
    u32(version),
    text(spec),
    u32(3),
    u32(count ?? variables.length),
    ...variables.flatMap(({ name, shape, type, data }) => [
      text(name),
      Buffer.of(shape.length),
      ...shape.map(u32),
      Buffer.of(type),
      u32(data.length),
      data,
    ]),
    u32(aliases.length),
    ...aliases.flatMap(([alias, of]) => [text(alias), text(of)]),
    Buffer.alloc(more),
  ]);
}
