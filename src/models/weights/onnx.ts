/**
 * Reader of what an ONNX file says about weights: initialisers, and the nodes that use them (exporters often leave a
 * weight without a name of its own, so the node says what it is). Only the few fields that this takes are read, by a
 * walk over the protobuf wire format; the file is hostile until checked. Source: onnx.proto3 (field numbers), protobuf
 * encoding guide.
 */
import { userError } from '../../problems';
import { allFinite, floatsOf, type WeightTensor } from './weight';
import { sizeOf } from '../../tensor/shape';

export interface OnnxNode {
  operation: string;
  name: string;
  inputs: string[];
  outputs: string[];
}

export interface OnnxInitialiser {
  shape: number[];
  /** TensorProto.DataType: 1 float32, 2 uint8, 3 int8, 6 int32, 7 int64 */
  dataType: number;
  values: Float32Array | Uint8Array | Int8Array;
}

export interface OnnxWeights {
  initialisers: Map<string, OnnxInitialiser>;
  nodes: OnnxNode[];
}

type Field = { field: number } & ({ wire: 0; value: bigint } | { wire: 1 | 2 | 5; bytes: Uint8Array });

class Malformed extends Error {}

/**
 * The fields of one protobuf message, in order. Throws Malformed when the bytes break off or use unknown wire types.
 */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Malformed('it breaks off in a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Malformed('a number is longer than ten bytes');
  };
  const take = (length: bigint): Uint8Array => {
    if (length > BigInt(bytes.length - at)) throw new Malformed(`a field of ${length} bytes reaches past the end`);
    at += Number(length);
    return bytes.subarray(at - Number(length), at);
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (field < 1 || field >= 2 ** 29) throw new Malformed(`field number ${field}`);
    if (wire === 0) yield { field, wire, value: varint() };
    else if (wire === 1) yield { field, wire, bytes: take(8n) };
    else if (wire === 2) yield { field, wire, bytes: take(varint()) };
    else if (wire === 5) yield { field, wire, bytes: take(4n) };
    else throw new Malformed(`wire type ${wire}`);
  }
}

const bytesOf = (field: Field): Uint8Array => {
  if (field.wire !== 2) throw new Malformed(`field ${field.field} is no byte string`);
  return field.bytes;
};

const textOf = (field: Field): string => Buffer.from(bytesOf(field)).toString('utf8');

/** Signed integers of a repeated field, packed or one at a time. */
function integersOf(field: Field): number[] {
  const signed = (value: bigint) => Number(BigInt.asIntN(64, value));
  if (field.wire === 0) return [signed(field.value)];
  const packed = bytesOf(field);
  // A packed list is varints without keys; reading it as a message would need keys, so walk it here.
  const numbers: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of packed) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte < 0x80) {
      numbers.push(signed(BigInt.asUintN(64, value)));
      [value, shift] = [0n, 0n];
    } else if (shift >= 70n) throw new Malformed('a number is longer than ten bytes');
  }
  if (shift !== 0n) throw new Malformed('it breaks off in a list of numbers');
  return numbers;
}

function readNode(bytes: Uint8Array): OnnxNode {
  const node: OnnxNode = { operation: '', name: '', inputs: [], outputs: [] };
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) node.inputs.push(textOf(field));
    else if (field.field === 2) node.outputs.push(textOf(field));
    else if (field.field === 3) node.name = textOf(field);
    else if (field.field === 4) node.operation = textOf(field);
  }
  return node;
}

/** One initialiser, or null for a type that holds no weights (shapes are int64). */
function readInitialiser(bytes: Uint8Array): { name: string; initialiser: OnnxInitialiser | null } {
  let name = '';
  let dataType = 0;
  let raw: Uint8Array | null = null;
  const shape: number[] = [];
  const floats: Uint8Array[] = [];
  const integers: number[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.field === 1) for (const side of integersOf(field)) shape.push(side);
    else if (field.field === 2) dataType = integersOf(field)[0] ?? 0;
    else if (field.field === 4) floats.push(field.wire === 5 ? field.bytes : bytesOf(field));
    else if (field.field === 5) for (const value of integersOf(field)) integers.push(value);
    else if (field.field === 8) name = textOf(field);
    else if (field.field === 9) raw = bytesOf(field);
    else if (field.field === 13 || (field.field === 14 && field.wire === 0 && field.value !== 0n))
      throw new Malformed(`weight ${JSON.stringify(name)} lies in another file`);
  }
  if (name === '') throw new Malformed('an initialiser has no name');
  if (shape.length > 8 || !shape.every((side) => Number.isInteger(side) && side >= 0 && side <= 2 ** 31))
    throw new Malformed(`weight ${JSON.stringify(name)} has the shape [${shape}]`);
  if (dataType !== 1 && dataType !== 2 && dataType !== 3) return { name, initialiser: null };
  const size = sizeOf(shape);
  let values: OnnxInitialiser['values'];
  if (dataType === 1) {
    const stored = raw ?? Buffer.concat(floats);
    if (stored.length !== 4 * size)
      throw new Malformed(`weight ${JSON.stringify(name)} of shape [${shape}] has ${stored.length} bytes`);
    values = floatsOf(stored);
    if (!allFinite(values)) throw new Malformed(`weight ${JSON.stringify(name)} holds values that are not numbers`);
  } else {
    const [low, high] = dataType === 2 ? [0, 255] : [-128, 127];
    if ((raw ?? integers).length !== size)
      throw new Malformed(`weight ${JSON.stringify(name)} of shape [${shape}] has ${(raw ?? integers).length} values`);
    if (raw === null && integers.some((value) => value < low || value > high))
      throw new Malformed(`weight ${JSON.stringify(name)} has values outside ${low} to ${high}`);
    // A copy through the constructor: the `slice` of a Node Buffer would share the whole file's memory.
    const copy = new Uint8Array(raw ?? integers.map((value) => value & 0xff));
    values = dataType === 2 ? copy : new Int8Array(copy.buffer);
  }
  return { name, initialiser: { shape, dataType, values } };
}

/**
 * Float32 and int8 initialisers and all nodes of an ONNX file (ModelProto). Weights of other types are left out.
 * Throws UserError when the wire format is broken, a shape and its values disagree, names repeat, or a weight lies in
 * another file.
 */
export function readOnnx(bytes: Uint8Array, where = 'ONNX file'): OnnxWeights {
  const initialisers: OnnxWeights['initialisers'] = new Map();
  const nodes: OnnxNode[] = [];
  const seen = new Set<string>();
  try {
    for (const model of fieldsOf(bytes)) {
      if (model.field !== 7) continue;
      for (const graph of fieldsOf(bytesOf(model))) {
        if (graph.field === 1) nodes.push(readNode(bytesOf(graph)));
        if (graph.field !== 5) continue;
        const { name, initialiser } = readInitialiser(bytesOf(graph));
        if (seen.has(name)) throw new Malformed(`weight ${JSON.stringify(name)} is there twice`);
        seen.add(name);
        if (initialiser !== null) initialisers.set(name, initialiser);
      }
    }
    if (seen.size === 0) throw new Malformed('it holds no weights');
  } catch (error) {
    if (error instanceof Malformed)
      throw userError({
        where,
        what: error.message,
        expected: 'an ONNX model with its weights inside',
        hint: 'fetch the weights again',
      });
    throw error;
  }
  return { initialisers, nodes };
}

/**
 * Float32 values of int8 or uint8 weights: scale * (stored - zeroPoint), as in ONNX's DequantizeLinear. Scale and zero
 * point hold one value for all, or one for each index of `axis` (per channel). Throws RangeError when their sizes fit
 * neither.
 */
export function dequantise(
  weight: OnnxInitialiser,
  scale: OnnxInitialiser,
  zeroPoint: OnnxInitialiser | undefined,
  axis: number,
): WeightTensor {
  const scales = scale.values;
  const zeros = zeroPoint?.values;
  const channels = weight.shape[axis];
  if (weight.dataType === 1 || scale.dataType !== 1)
    throw new RangeError('quantised weights are 8-bit integers and their scale is float32');
  if (zeroPoint !== undefined && zeroPoint.dataType !== weight.dataType)
    throw new RangeError('the zero point has another type than the weights');
  if (scales.length !== 1 && scales.length !== channels)
    throw new RangeError(`${scales.length} scales for ${channels} channels`);
  if (zeros !== undefined && zeros.length !== 1 && zeros.length !== channels)
    throw new RangeError(`${zeros.length} zero points for ${channels} channels`);
  const stride = sizeOf(weight.shape.slice(axis + 1));
  const data = new Float32Array(weight.values.length);
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / stride) % (channels ?? 1);
    const zero = zeros === undefined ? 0 : zeros[zeros.length === 1 ? 0 : channel]!;
    data[i] = scales[scales.length === 1 ? 0 : channel]! * (weight.values[i]! - zero);
  }
  return { shape: [...weight.shape], data };
}
