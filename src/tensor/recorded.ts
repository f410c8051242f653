/**
 * Recording: the graphs of all programs of a session form one model whose state lives in resource variables on the
 * device. A replayed step costs one call instead of one a kernel.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  graphNode,
  savedModel,
  shapeAttribute,
  stringAttribute,
  tensorAttribute,
  typeAttribute,
  type Binding,
  type NodeDef,
} from './graph';
import { checkInputs, type Program, type Session, type StateValue } from './declared';
import { recordProgram } from './recordProgram';
import { cast } from './lowering';
import { BFLOAT16, dtypeNumber, FLOAT, UINT8, type Known, type NodeBackend } from './recording';
import { tf } from './tf';

/** Runs nodes of the loaded model: the values of the outputs in their order. */
type Call = (
  inputs: { node: string; shape: number[]; dtype: number; values: ArrayBufferView }[],
  outputs: string[],
) => Float32Array[];

const callOf =
  (binding: Binding, session: number): Call =>
  (inputs, outputs) => {
    const ids = inputs.map((input) => binding.createTensor(input.shape, input.dtype, input.values));
    try {
      const results = binding.runSavedModel(
        session,
        ids,
        inputs.map((input) => `${input.node}:0`).join(','),
        outputs.map((node) => `${node}:0`).join(','),
      );
      return results.map((meta) => {
        const values = binding.tensorDataSync(meta.id);
        binding.deleteTensor(meta.id);
        return values;
      });
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  };

/** Loads a model of these nodes; returns its number. */
function load(binding: Binding, nodes: NodeDef[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-program-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes));
    return binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Records all programs and loads them with the initial state; throws Error when a program cannot be recorded. */
export function recordSession(programs: Record<string, Program>, state: Record<string, StateValue>): Session {
  const backend = tf.backend() as unknown as NodeBackend;
  const binding = backend.binding;
  const stored = new Set(Object.keys(state).filter((name) => isStored(state[name]!)));
  const nodes = stateNodes(state);
  const outputsOf = new Map<string, string[]>();
  const shapes = Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape])); // the values need not live as long as the session
  const known: Known = new Map();
  for (const [name, program] of Object.entries(programs)) {
    const recorded = recordProgram(backend, name, program, shapes, known, stored);
    nodes.push(...recorded.nodes);
    outputsOf.set(name, recorded.outputs);
  }
  const session = load(binding, nodes);
  const call = callOf(binding, session);
  // One call for all: TensorFlow prunes and optimises the graph once for every new set of inputs and outputs.
  call(
    Object.entries(state).map(([name, value]) => fedState(name, value)),
    ['initialised'],
  );
  let isOpen = true;
  return {
    mode: 'recorded',
    async run(name, inputs) {
      const program = programs[name];
      if (program === undefined) throw new Error(`no program "${name}"`);
      checkInputs(name, program, inputs);
      const outputs = outputsOf.get(name)!;
      const fed = Object.entries(program.inputs).map(([input, spec]) => ({
        node: `${name}/in/${input}`,
        shape: spec.shape,
        dtype: dtypeNumber(spec),
        values: inputs[input]!,
      }));
      const values = call(
        fed,
        outputs.map((output) => `${name}/out/${output}`),
      );
      return Object.fromEntries(outputs.map((output, index) => [output, values[index]!]));
    },
    async read(name) {
      return call([], [`get/${name}`])[0]!;
    },
    async write(name, data) {
      const shape = shapes[name];
      if (shape === undefined) throw new Error(`no state "${name}"`);
      if (stored.has(name)) throw new Error(`state "${name}" is stored in bfloat16 and only read`);
      call([fedState(name, { shape, data })], [`written/${name}`]);
    },
    dispose() {
      if (!isOpen) return;
      isOpen = false;
      binding.deleteSavedModel(session);
    },
  };
}

/** Whether a piece of state is stored in bfloat16. */
const isStored = ({ data }: StateValue): boolean => !(data instanceof Float32Array);

/** What is fed to set a piece of state. The addon takes no bfloat16: its bytes go in, two a value, and become it there. */
const fedState = (name: string, { shape, data }: StateValue): Parameters<Call>[0][number] =>
  data instanceof Float32Array
    ? { node: `init/${name}`, shape, dtype: FLOAT, values: data }
    : {
        node: `init/${name}`,
        shape: [...shape, 2],
        dtype: UINT8,
        values: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      };

/** For each piece of state: its variable, a placeholder to set it, and nodes to write and read it. */
function stateNodes(state: Record<string, StateValue>): NodeDef[] {
  return [
    graphNode('one', 'Const', [], {
      dtype: typeAttribute(FLOAT),
      value: tensorAttribute([], FLOAT, new Float32Array([1])),
    }),
    ...Object.entries(state).flatMap(([name, value]) =>
      isStored(value) ? storedNodes(name, value.shape) : floatNodes(name, value.shape),
    ),
    graphNode('initialised', 'Identity', ['one', ...Object.keys(state).map((name) => `^set/${name}`)], {
      T: typeAttribute(FLOAT),
    }),
  ];
}

function floatNodes(name: string, shape: number[]): NodeDef[] {
  const attributes = { dtype: typeAttribute(FLOAT), shape: shapeAttribute(shape) };
  return [
    graphNode(`var/${name}`, 'VarHandleOp', [], { ...attributes, shared_name: stringAttribute(name) }),
    graphNode(`init/${name}`, 'Placeholder', [], attributes),
    graphNode(`set/${name}`, 'AssignVariableOp', [`var/${name}`, `init/${name}`], { dtype: typeAttribute(FLOAT) }),
    graphNode(`written/${name}`, 'Identity', ['one', `^set/${name}`], { T: typeAttribute(FLOAT) }),
    graphNode(`get/${name}`, 'ReadVariableOp', [`var/${name}`], { dtype: typeAttribute(FLOAT) }),
  ];
}

/** The same of a variable in bfloat16, which shares the memory of the bytes that it is set from. */
function storedNodes(name: string, shape: number[]): NodeDef[] {
  const dtype = typeAttribute(BFLOAT16);
  return [
    graphNode(`var/${name}`, 'VarHandleOp', [], {
      dtype,
      shape: shapeAttribute(shape),
      shared_name: stringAttribute(name),
    }),
    graphNode(`init/${name}`, 'Placeholder', [], { dtype: typeAttribute(UINT8), shape: shapeAttribute([...shape, 2]) }),
    graphNode(`bits/${name}`, 'Bitcast', [`init/${name}`], { T: typeAttribute(UINT8), type: dtype }),
    graphNode(`set/${name}`, 'AssignVariableOp', [`var/${name}`, `bits/${name}`], { dtype }),
    graphNode(`stored/${name}`, 'ReadVariableOp', [`var/${name}`], { dtype }),
    cast(`get/${name}`, `stored/${name}`, BFLOAT16, FLOAT),
  ];
}
