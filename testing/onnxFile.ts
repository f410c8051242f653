/** A writer of the few ONNX fields that src/models/weights/onnx.ts reads, for tests. */

const varint = (value: bigint): number[] =>
  value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)];
export const integer = (value: number): Buffer => Buffer.from(varint(BigInt.asUintN(64, BigInt(value))));
export const varintField = (field: number, value: number): Buffer =>
  Buffer.concat([integer(field << 3), integer(value)]);
export const bytesField = (field: number, bytes: Uint8Array | string): Buffer =>
  Buffer.concat([
    integer((field << 3) | 2),
    integer(Buffer.from(bytes as Uint8Array).length),
    Buffer.from(bytes as Uint8Array),
  ]);

export interface WrittenTensor {
  name: string;
  shape: number[];
  type: number;
  raw?: Uint8Array;
  floats?: number[];
  integers?: number[];
  extra?: Buffer;
}

export function tensorBytes({ name, shape, type, raw, floats, integers, extra }: WrittenTensor): Buffer {
  return Buffer.concat([
    ...shape.map((side) => varintField(1, side)),
    varintField(2, type),
    bytesField(8, name),
    ...(raw ? [bytesField(9, raw)] : []),
    ...(floats ? [bytesField(4, new Uint8Array(Float32Array.from(floats).buffer))] : []),
    ...(integers ? [bytesField(5, Buffer.concat(integers.map(integer)))] : []),
    ...(extra ? [extra] : []),
  ]);
}

export interface WrittenNode {
  operation: string;
  name: string;
  inputs: string[];
  outputs: string[];
}

export function onnxFile(tensors: WrittenTensor[], nodes: WrittenNode[] = []): Buffer {
  const graph = Buffer.concat([
    ...nodes.map(({ operation, name, inputs, outputs }) =>
      bytesField(
        1,
        Buffer.concat([
          ...inputs.map((x) => bytesField(1, x)),
          ...outputs.map((x) => bytesField(2, x)),
          bytesField(3, name),
          bytesField(4, operation),
        ]),
      ),
    ),
    bytesField(2, 'graph'),
    ...tensors.map((tensor) => bytesField(5, tensorBytes(tensor))),
  ]);
  return Buffer.concat([varintField(1, 8), bytesField(2, 'test'), bytesField(7, graph)]);
}
