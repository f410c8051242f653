/**
 * Recording: each program runs once, op by op, while every call into the TensorFlow addon is written down as a graph
 * node; the graphs of all programs form one model whose state lives in resource variables on the device. A replayed
 * step costs one call instead of one a kernel. Declared inputs become placeholders; whatever else a program makes from
 * JavaScript values becomes a constant, so a value that changes between calls must be a declared input.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf, need, type Tensor, type Tensors } from './tf';
import { replaceGatherKernel } from './gatherKernel';
import { checkInputs, type Program, type Session, type StateValue, type TensorSpec, type Values } from './program';
import { graphNode, opAttribute, savedModel, shapeAttribute, stringAttribute, tensorAttribute, typeAttribute, type Binding, type NodeDef, type OpAttribute, type TensorMeta } from './graph';

/** The parts of tfjs-node's NodeJSKernelBackend that recording touches. */
interface NodeBackend {
  binding: Binding;
  tensorMap: { get(dataId: object): { id: number; shape: number[]; dtype: number; values: ArrayBufferView | null } };
}

const FLOAT = 1; // DT_FLOAT of tensorflow/core/framework/types.proto
const INT32 = 3; // DT_INT32
const dtypeNumber = (spec: TensorSpec) => (spec.dtype === 'int32' ? INT32 : FLOAT);

/** Records all programs and loads them with the initial state; throws Error when a program cannot be recorded. */
export function recordSession(programs: Record<string, Program>, state: Record<string, StateValue>): Session {
  const backend = tf.backend() as unknown as NodeBackend;
  const binding = backend.binding;
  replaceGatherKernel();
  const nodes = stateNodes(state);
  const outputsOf = new Map<string, string[]>();
  for (const [name, program] of Object.entries(programs)) {
    const recorded = recordProgram(backend, name, program, state);
    nodes.push(...recorded.nodes);
    outputsOf.set(name, recorded.outputs);
  }

  const folder = mkdtempSync(join(tmpdir(), 'equipoise-program-'));
  let session: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes));
    session = binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const call = (inputs: { node: string; shape: number[]; dtype: number; values: Values }[], outputs: string[]): Float32Array[] => {
    const ids = inputs.map((input) => binding.createTensor(input.shape, input.dtype, input.values));
    try {
      const results = binding.runSavedModel(session, ids, inputs.map((input) => `${input.node}:0`).join(','), outputs.map((node) => `${node}:0`).join(','));
      return results.map((meta) => {
        const values = binding.tensorDataSync(meta.id);
        binding.deleteTensor(meta.id);
        return values;
      });
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  };
  const write = (name: string, data: Float32Array) => {
    const value = state[name];
    if (value === undefined) throw new Error(`no state "${name}"`);
    call([{ node: `init/${name}`, shape: value.shape, dtype: FLOAT, values: data }], [`written/${name}`]);
  };
  // One call for all: TensorFlow prunes and optimises the graph once for every new set of inputs and outputs.
  call(Object.entries(state).map(([name, value]) => ({ node: `init/${name}`, shape: value.shape, dtype: FLOAT, values: value.data })), ['initialised']);
  let isOpen = true;
  return {
    mode: 'recorded',
    async run(name, inputs) {
      const program = programs[name];
      if (program === undefined) throw new Error(`no program "${name}"`);
      checkInputs(name, program, inputs);
      const outputs = outputsOf.get(name)!;
      const fed = Object.entries(program.inputs).map(([input, spec]) => ({ node: `${name}/in/${input}`, shape: spec.shape, dtype: dtypeNumber(spec), values: inputs[input]! }));
      const values = call(fed, outputs.map((output) => `${name}/out/${output}`));
      return Object.fromEntries(outputs.map((output, index) => [output, values[index]!]));
    },
    async read(name) {
      return call([], [`get/${name}`])[0]!;
    },
    async write(name, data) {
      write(name, data);
    },
    dispose() {
      if (!isOpen) return;
      isOpen = false;
      binding.deleteSavedModel(session);
    },
  };
}

/** For each piece of state: its variable, a placeholder to set it, and nodes to write and read it. */
function stateNodes(state: Record<string, StateValue>): NodeDef[] {
  const nodes = [graphNode('one', 'Const', [], { dtype: typeAttribute(FLOAT), value: tensorAttribute([], FLOAT, new Float32Array([1])) })];
  for (const [name, { shape }] of Object.entries(state)) {
    const attributes = { dtype: typeAttribute(FLOAT), shape: shapeAttribute(shape) };
    nodes.push(
      graphNode(`var/${name}`, 'VarHandleOp', [], { ...attributes, shared_name: stringAttribute(name) }),
      graphNode(`init/${name}`, 'Placeholder', [], attributes),
      graphNode(`set/${name}`, 'AssignVariableOp', [`var/${name}`, `init/${name}`], { dtype: typeAttribute(FLOAT) }),
      graphNode(`written/${name}`, 'Identity', ['one', `^set/${name}`], { T: typeAttribute(FLOAT) }),
      graphNode(`get/${name}`, 'ReadVariableOp', [`var/${name}`], { dtype: typeAttribute(FLOAT) }),
    );
  }
  nodes.push(graphNode('initialised', 'Identity', ['one', ...Object.keys(state).map((name) => `^set/${name}`)], { T: typeAttribute(FLOAT) }));
  return nodes;
}

function recordProgram(backend: NodeBackend, name: string, program: Program, state: Record<string, StateValue>): { nodes: NodeDef[]; outputs: string[] } {
  const binding = backend.binding;
  const nodes: NodeDef[] = [];
  /** addon tensor id -> the node output that produced it */
  const source = new Map<number, string>();
  const constants = new Map<number, { shape: number[]; dtype: number; values: ArrayBufferView }>();
  const released: number[] = [];
  let count = 0;

  /** A tensor's id in the addon, uploading a value that is still on the JavaScript side. */
  const idOf = (tensor: Tensor): number => {
    const info = backend.tensorMap.get(tensor.dataId);
    if (info.values !== null) {
      info.id = backend.binding.createTensor(info.shape, info.dtype, info.values);
      info.values = null;
    }
    return info.id;
  };
  const sourceOf = (op: string, id: number): string => {
    const known = source.get(id);
    if (known !== undefined) return known;
    const constant = constants.get(id);
    if (constant === undefined) throw new Error(`program ${name}: ${op} reads a tensor that is neither a declared input, nor state, nor made inside the program`);
    const node = `${name}/const/${id}`;
    nodes.push(graphNode(node, 'Const', [], { dtype: typeAttribute(constant.dtype), value: tensorAttribute(constant.shape, constant.dtype, constant.values) }));
    source.set(id, node);
    return node;
  };
  // The addon's own methods are read-only: inherit and override. A tensor that the program disposes is released only
  // after the recording, because addon ids must stay unique while nodes refer to them.
  const spy: Binding = Object.create(binding, {
    createTensor: { value: (shape: number[], dtype: number, values: ArrayBufferView) => {
      const id = binding.createTensor(shape, dtype, values);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
      constants.set(id, { shape, dtype, values: bytes });
      return id;
    } },
    deleteTensor: { value: (id: number) => void released.push(id) },
    tensorDataSync: { value: () => { throw new Error(`program ${name} reads a value back while it is recorded`); } },
    executeOp: { value: (op: string, attributes: OpAttribute[], inputs: number[], outputCount: number): TensorMeta[] => {
      const outputs = binding.executeOp(op, attributes, inputs, outputCount);
      const node = `${name}/${count++}`;
      nodes.push(graphNode(node, op, inputs.map((id) => sourceOf(op, id)), Object.fromEntries(attributes.map((a) => [a.name, opAttribute(binding, a)]))));
      outputs.forEach((meta, index) => source.set(meta.id, index === 0 ? node : `${node}:${index}`));
      return outputs;
    } },
  }) as Binding;

  const outputs: string[] = [];
  const count0 = tf.memory().numTensors;
  tf.engine().startScope();
  try {
    const inputs: Tensors = {};
    for (const [input, spec] of Object.entries(program.inputs)) {
      inputs[input] = tf.zeros(spec.shape, spec.dtype);
      source.set(idOf(inputs[input]), `${name}/in/${input}`);
      nodes.push(graphNode(`${name}/in/${input}`, 'Placeholder', [], { dtype: typeAttribute(dtypeNumber(spec)), shape: shapeAttribute(spec.shape) }));
    }
    const read: Tensors = {};
    for (const key of program.reads) {
      const value = state[key];
      if (value === undefined) throw new Error(`program ${name} reads state "${key}", which the session does not hold`);
      read[key] = tf.tensor(value.data, value.shape, 'float32');
      source.set(idOf(read[key]), `${name}/read/${key}`);
      nodes.push(graphNode(`${name}/read/${key}`, 'ReadVariableOp', [`var/${key}`], { dtype: typeAttribute(FLOAT) }));
    }
    backend.binding = spy;
    const result = program.run(inputs, read);
    // A state may be assigned only after every node that reads its old value: reads come from ReadVariableOp nodes,
    // whose values are fixed when they run, so the assignments wait for all of them.
    const reads = program.reads.map((key) => `^${name}/read/${key}`);
    const assigned: string[] = [];
    for (const [key, tensor] of Object.entries(result.state ?? {})) {
      nodes.push(graphNode(`${name}/assign/${key}`, 'AssignVariableOp', [`var/${key}`, sourceOf('assign', idOf(need({ [key]: tensor }, key))), ...reads], { dtype: typeAttribute(FLOAT) }));
      assigned.push(`^${name}/assign/${key}`);
    }
    for (const [key, tensor] of Object.entries(result.outputs)) {
      const dtype = backend.tensorMap.get(tensor.dataId).dtype;
      nodes.push(graphNode(`${name}/out/${key}`, 'Identity', [sourceOf('output', idOf(tensor)), ...assigned], { T: typeAttribute(dtype) }));
      outputs.push(key);
    }
  } finally {
    backend.binding = binding;
    tf.engine().endScope();
    for (const id of released) binding.deleteTensor(id);
  }
  if (tf.memory().numTensors > count0) throw new Error(`program ${name} leaves ${tf.memory().numTensors - count0} tensors behind`);
  return { nodes, outputs };
}
