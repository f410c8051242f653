/**
 * One program as graph nodes. It runs once while every call into the TensorFlow addon is written down; declared inputs
 * become placeholders, and whatever else a program makes from JavaScript values becomes a constant, so a value that
 * changes between calls must be a declared input.
 */
import { sha256 } from '../files';
import { recordingAdam, type AdamRecorder } from './adam';
import {
  graphNode,
  opAttribute,
  shapeAttribute,
  tensorAttribute,
  typeAttribute,
  type Binding,
  type NodeDef,
  type OpAttribute,
  type TensorMeta,
} from './graph';
import type { Program, TensorSpec } from './declared';
import { tf, type Tensor, type Tensors } from './tf';

/** The parts of tfjs-node's NodeJSKernelBackend that recording touches. */
export interface NodeBackend {
  binding: Binding;
  tensorMap: { get(dataId: object): { id: number; shape: number[]; dtype: number; values: ArrayBufferView | null } };
}

export const FLOAT = 1; // DT_FLOAT of tensorflow/core/framework/types.proto
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

/**
 * Writes down the calls that a program makes into the addon. Nothing is computed: a tensor has a shape and no values, and
 * the outputs of an op are found by running it once on zeros, which are gone before the next op runs.
 */
export function recordProgram(
  backend: NodeBackend,
  name: string,
  program: Program,
  shapes: Record<string, number[]>,
  known: Known,
): { nodes: NodeDef[]; outputs: string[] } {
  const binding = backend.binding;
  const nodes: NodeDef[] = [];
  const recorded = new Map<number, Recorded>();
  const constants = new Map<string, string>();
  let count = 0;

  const add = (tensor: Recorded): number => {
    const id = -1 - recorded.size; // the addon's own ids are not negative
    recorded.set(id, tensor);
    return id;
  };
  const of = (op: string, id: number): Recorded => {
    const tensor = recorded.get(id);
    if (tensor === undefined)
      throw new Error(
        `program ${name}: ${op} reads a tensor that is neither a declared input, nor state, nor made inside the program`,
      );
    return tensor;
  };
  const sourceOf = (op: string, id: number): string => {
    const tensor = of(op, id);
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
  };
  /** A tensor's id, taking over a value that is still on the JavaScript side. */
  const idOf = (tensor: Tensor): number => {
    const info = backend.tensorMap.get(tensor.dataId);
    if (info.values !== null) {
      info.id = backend.binding.createTensor(info.shape, info.dtype, info.values);
      info.values = null;
    }
    return info.id;
  };
  /** Makes a tensor stand for a node's output. */
  const standFor = (tensor: Tensor, source: string): Tensor => {
    const info = backend.tensorMap.get(tensor.dataId);
    info.id = add({ shape: info.shape, dtype: info.dtype, constant: null, source });
    info.values = null;
    return tensor;
  };
  const outputsOf = (op: string, attributes: OpAttribute[], inputs: Recorded[], outputCount: number): Outputs => {
    const key = JSON.stringify([
      op,
      attributes,
      inputs.map(({ shape, dtype, constant }) => [shape, dtype, constant?.hash]),
      outputCount,
    ]);
    let outputs = known.get(key);
    if (outputs === undefined) {
      const ids = inputs.map(({ shape, dtype, constant }) =>
        binding.createTensor(shape, dtype, typed(shape, dtype, constant?.values)),
      );
      try {
        outputs = binding.executeOp(op, attributes, ids, outputCount).map(({ id, shape, dtype }) => {
          binding.deleteTensor(id);
          return { shape, dtype };
        });
      } finally {
        for (const id of ids) binding.deleteTensor(id);
      }
      known.set(key, outputs);
    }
    return outputs;
  };
  // The addon's own methods are read-only: inherit and override.
  const spy: Binding = Object.create(binding, {
    createTensor: {
      value: (shape: number[], dtype: number, given: ArrayBufferView) => {
        const values = new Uint8Array(given.buffer, given.byteOffset, given.byteLength).slice();
        return add({ shape, dtype, constant: { values, hash: sha256(values) }, source: null });
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
        const outputs = outputsOf(
          op,
          attributes,
          inputs.map((id) => of(op, id)),
          outputCount,
        );
        const node = `${name}/${count++}`;
        nodes.push(
          graphNode(
            node,
            op,
            inputs.map((id) => sourceOf(op, id)),
            Object.fromEntries(attributes.map((a) => [a.name, opAttribute(binding, a)])),
          ),
        );
        return outputs.map(({ shape, dtype }, index) => ({
          shape,
          dtype,
          id: add({ shape, dtype, constant: null, source: index === 0 ? node : `${node}:${index}` }),
        }));
      },
    },
  }) as Binding;

  /** state that a node has already updated -> the node that reads the new value */
  const inPlace = new Map<string, string>();
  const readPrefix = `${name}/read/`;
  const adamNodes: AdamRecorder = (given) => {
    const keys = [given.theta, given.first, given.second]
      .map((tensor) => of('adam', idOf(tensor)).source ?? '')
      .flatMap((node) => (node.startsWith(readPrefix) ? [node.slice(readPrefix.length)] : []));
    const [theta, first, second] = keys;
    // The node has one rate for the whole vector.
    if (given.scale.rank > 0) return null;
    if (theta === undefined || first === undefined || second === undefined || keys.some((key) => inPlace.has(key)))
      return null;
    const update = `${name}/adam/${theta}`;
    const from = (tensor: Tensor) => sourceOf('adam', idOf(tensor));
    // beta powers of 0: the bias corrections are in the rate. Every read of an old value comes first.
    nodes.push(
      graphNode(`${update}/zero`, 'Const', [], {
        dtype: typeAttribute(FLOAT),
        value: tensorAttribute([], FLOAT, new Float32Array(1)),
      }),
      graphNode(
        update,
        'ResourceApplyAdam',
        [
          `var/${theta}`,
          `var/${first}`,
          `var/${second}`,
          `${update}/zero`,
          `${update}/zero`,
          from(given.scale),
          from(given.beta1),
          from(given.beta2),
          from(given.epsilon),
          from(given.gradient),
          ...program.reads.map((key) => `^${readPrefix}${key}`),
        ],
        { T: typeAttribute(FLOAT) },
      ),
    );
    const fresh = (key: string, { shape }: Tensor): Tensor => {
      const read = `${update}/new/${key}`;
      nodes.push(graphNode(read, 'ReadVariableOp', [`var/${key}`, `^${update}`], { dtype: typeAttribute(FLOAT) }));
      inPlace.set(key, read);
      return standFor(tf.zeros(shape), read);
    };
    return { theta: fresh(theta, given.theta), first: fresh(first, given.first), second: fresh(second, given.second) };
  };

  const outputs: string[] = [];
  const count0 = tf.memory().numTensors;
  tf.engine().startScope();
  backend.binding = spy;
  try {
    const inputs: Tensors = {};
    for (const [input, spec] of Object.entries(program.inputs)) {
      inputs[input] = standFor(tf.zeros(spec.shape, spec.dtype), `${name}/in/${input}`);
      nodes.push(
        graphNode(`${name}/in/${input}`, 'Placeholder', [], {
          dtype: typeAttribute(dtypeNumber(spec)),
          shape: shapeAttribute(spec.shape),
        }),
      );
    }
    const read: Tensors = {};
    for (const key of program.reads) {
      const shape = shapes[key];
      if (shape === undefined) throw new Error(`program ${name} reads state "${key}", which the session does not hold`);
      read[key] = standFor(tf.zeros(shape), `${readPrefix}${key}`);
      nodes.push(graphNode(`${readPrefix}${key}`, 'ReadVariableOp', [`var/${key}`], { dtype: typeAttribute(FLOAT) }));
    }
    const result = recordingAdam(adamNodes, () => program.run(inputs, read));
    // A state may be assigned only after every node that reads its old value: reads come from ReadVariableOp nodes,
    // whose values are fixed when they run, so the assignments wait for all of them.
    const reads = program.reads.map((key) => `^${readPrefix}${key}`);
    const assigned: string[] = [];
    for (const [key, tensor] of Object.entries(result.state ?? {})) {
      const source = sourceOf('assign', idOf(tensor));
      if (source === inPlace.get(key)) {
        assigned.push(`^${source}`);
        continue;
      }
      nodes.push(
        graphNode(`${name}/assign/${key}`, 'AssignVariableOp', [`var/${key}`, source, ...reads], {
          dtype: typeAttribute(FLOAT),
        }),
      );
      assigned.push(`^${name}/assign/${key}`);
    }
    for (const key of inPlace.keys())
      if (result.state?.[key] === undefined)
        throw new Error(`program ${name} updates state "${key}" and does not return it`);
    for (const [key, tensor] of Object.entries(result.outputs)) {
      const source = sourceOf('output', idOf(tensor));
      nodes.push(
        graphNode(`${name}/out/${key}`, 'Identity', [source, ...assigned], {
          T: typeAttribute(of('output', idOf(tensor)).dtype),
        }),
      );
      outputs.push(key);
    }
  } finally {
    tf.engine().endScope(); // releases what has no values, so before the addon takes over again
    backend.binding = binding;
  }
  if (tf.memory().numTensors > count0)
    throw new Error(`program ${name} leaves ${tf.memory().numTensors - count0} tensors behind`);
  return { nodes, outputs };
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
