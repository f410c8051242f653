/**
 * A recording: what the calls into the TensorFlow addon give while they are written down. A tensor has a shape and no
 * values, and the outputs of an op are found by running it once on zeros, which are gone before the next op runs.
 */
import { sha256 } from '../files';
import {
  graphNode,
  opAttribute,
  tensorAttribute,
  typeAttribute,
  type Binding,
  type NodeDef,
  type OpAttribute,
  type TensorMeta,
} from './graph';
import type { TensorSpec } from './declared';
import { isRounded } from './products';
import type { Tensor } from './tf';

/** The parts of tfjs-node's NodeJSKernelBackend that recording touches. */
export interface NodeBackend {
  binding: Binding;
  tensorMap: { get(dataId: object): { id: number; shape: number[]; dtype: number; values: ArrayBufferView | null } };
}

export const FLOAT = 1; // DT_FLOAT of tensorflow/core/framework/types.proto
export const UINT8 = 4; // DT_UINT8
export const BFLOAT16 = 14; // DT_BFLOAT16
const INT32 = 3; // DT_INT32
const BOOL = 10; // DT_BOOL
export const dtypeNumber = (spec: TensorSpec) => (spec.dtype === 'int32' ? INT32 : FLOAT);

/** What an op gives: shapes and types of its outputs. */
type Outputs = Omit<TensorMeta, 'id'>[];
/** Outputs by op, attributes and inputs, shared by the programs of a session: layers repeat. */
export type Known = Map<string, Outputs>;

/** A tensor while recording: its shape and type; its values only when it is a constant, since shapes may depend on those. */
interface Recorded {
  shape: number[];
  dtype: number;
  /** of a constant, with a hash of them */
  constant: { values: Uint8Array; hash: string } | null;
  /** the node output that gives it */
  source: string | null;
}

/** What a program has made so far. */
export interface Recording {
  backend: NodeBackend;
  /** the addon itself, which computes */
  binding: Binding;
  /** of the program; its nodes begin with it */
  name: string;
  nodes: NodeDef[];
  /** by the ids that the backend knows them by */
  tensors: Map<number, Recorded>;
  /** nodes of constants by type, shape and hash */
  constants: Map<string, string>;
  /** nodes that were made where products may be rounded (products.ts) */
  rounded: Set<string>;
  known: Known;
}

/** A recording without nodes. */
export const openRecording = (backend: NodeBackend, name: string, known: Known): Recording => ({
  backend,
  binding: backend.binding,
  name,
  nodes: [],
  tensors: new Map(),
  constants: new Map(),
  rounded: new Set(),
  known,
});

function add({ tensors }: Recording, tensor: Recorded): number {
  const id = -1 - tensors.size; // the addon's own ids are not negative
  tensors.set(id, tensor);
  return id;
}

/** The tensor that `op` reads. Throws Error for one from outside the program. */
export function tensorOf({ tensors, name }: Recording, op: string, id: number): Recorded {
  const tensor = tensors.get(id);
  if (tensor === undefined)
    throw new Error(
      `program ${name}: ${op} reads a tensor that is neither a declared input, nor state, nor made inside the program`,
    );
  return tensor;
}

/** The node output that gives the tensor that `op` reads; a constant becomes a node when it is first read. */
export function sourceOf(recording: Recording, op: string, id: number): string {
  const { name, nodes, constants } = recording;
  const tensor = tensorOf(recording, op, id);
  if (tensor.source !== null) return tensor.source;
  const { values, hash } = tensor.constant!;
  const key = `${tensor.dtype} ${tensor.shape.join()} ${hash}`;
  let node = constants.get(key);
  if (node === undefined) {
    node = `${name}/const/${constants.size}`;
    nodes.push(
      graphNode(node, 'Const', [], {
        dtype: typeAttribute(tensor.dtype),
        value: tensorAttribute(tensor.shape, tensor.dtype, values),
      }),
    );
    constants.set(key, node);
  }
  tensor.source = node;
  return node;
}

/** A tensor's id, taking over a value that is still on the JavaScript side. */
export function idOf({ backend }: Recording, tensor: Tensor): number {
  const info = backend.tensorMap.get(tensor.dataId);
  if (info.values !== null) {
    info.id = backend.binding.createTensor(info.shape, info.dtype, info.values);
    info.values = null;
  }
  return info.id;
}

/** Makes a tensor stand for a node's output. */
export function standFor(recording: Recording, tensor: Tensor, source: string): Tensor {
  const info = recording.backend.tensorMap.get(tensor.dataId);
  info.id = add(recording, { shape: info.shape, dtype: info.dtype, constant: null, source });
  info.values = null;
  return tensor;
}

/** Shapes and types of what an op gives, by running it on zeros. */
function outputsOf(
  { binding, known }: Recording,
  op: string,
  attributes: OpAttribute[],
  inputs: Recorded[],
  count: number,
): Outputs {
  const described = inputs.map(({ shape, dtype, constant }) => [shape, dtype, constant?.hash]);
  const key = JSON.stringify([op, attributes, described, count]);
  let outputs = known.get(key);
  if (outputs === undefined) {
    const ids = inputs.map(({ shape, dtype, constant }) =>
      binding.createTensor(shape, dtype, typed(shape, dtype, constant?.values)),
    );
    try {
      outputs = binding.executeOp(op, attributes, ids, count).map(({ id, shape, dtype }) => {
        binding.deleteTensor(id);
        return { shape, dtype };
      });
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
    known.set(key, outputs);
  }
  return outputs;
}

/** The addon as the backend sees it while a program is recorded: its methods write down what they are asked for. */
export function spyOn(recording: Recording): Binding {
  const { binding, name, nodes } = recording;
  let count = 0;
  // The addon's own methods are read-only: inherit and override.
  return Object.create(binding, {
    createTensor: {
      value: (shape: number[], dtype: number, given: ArrayBufferView) => {
        const values = new Uint8Array(given.buffer, given.byteOffset, given.byteLength).slice();
        return add(recording, { shape, dtype, constant: { values, hash: sha256(values) }, source: null });
      },
    },
    deleteTensor: { value: () => undefined },
    tensorDataSync: {
      value: () => {
        throw new Error(`program ${name} reads a value back while it is recorded`);
      },
    },
    executeOp: {
      value: (op: string, attributes: OpAttribute[], inputs: number[], outputCount: number): TensorMeta[] => {
        const read = inputs.map((id) => tensorOf(recording, op, id));
        const outputs = outputsOf(recording, op, attributes, read, outputCount);
        const node = `${name}/${count++}`;
        const sources = inputs.map((id) => sourceOf(recording, op, id));
        const values = Object.fromEntries(attributes.map((a) => [a.name, opAttribute(binding, a)]));
        nodes.push(graphNode(node, op, sources, values));
        if (isRounded()) recording.rounded.add(node);
        return outputs.map(({ shape, dtype }, index) => {
          const source = index === 0 ? node : `${node}:${index}`;
          return { shape, dtype, id: add(recording, { shape, dtype, constant: null, source }) };
        });
      },
    },
  }) as Binding;
}

/** Values as the addon wants them: those bytes, or zeros. Throws Error for a type that no program of ours makes. */
function typed(shape: number[], dtype: number, bytes?: Uint8Array): ArrayBufferView {
  const size = shape.reduce((a, b) => a * b, 1);
  switch (dtype) {
    case FLOAT:
      return bytes === undefined ? new Float32Array(size) : new Float32Array(bytes.buffer);
    case INT32:
      return bytes === undefined ? new Int32Array(size) : new Int32Array(bytes.buffer);
    case BOOL:
      return bytes ?? new Uint8Array(size);
    default:
      throw new Error(`a tensor of TensorFlow type ${dtype} cannot be recorded`);
  }
}
