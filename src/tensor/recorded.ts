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
import { areBfloat16, isFile, valuesBetween, type TensorFile } from './tensorFile';
import { tf } from './tf';

/** What a placeholder is given. */
interface Fed {
  node: string;
  shape: number[];
  dtype: number;
  values: ArrayBufferView | TensorFile;
}

/** Runs nodes of the loaded model: the values of the outputs in their order. */
type Call = (inputs: Fed[], outputs: string[]) => Float32Array[];

/**
 * A tensor in the addon. A file is mapped into memory, by the kernel that TensorFlow has for it; where that fails it is
 * read, and `onRead` is told why. The kernel is run by itself, since as a node of the graph it would be folded and copied.
 */
function tensorOf(binding: Binding, { shape, dtype, values }: Fed, onRead: (why: string) => void): number {
  if (!('path' in values)) return binding.createTensor(shape, dtype, values);
  const attributes = [
    { name: 'dtype', type: binding.TF_ATTR_TYPE, value: dtype },
    { name: 'shape', type: binding.TF_ATTR_SHAPE, value: shape },
    { name: 'memory_region_name', type: binding.TF_ATTR_STRING, value: values.path },
  ];
  try {
    return binding.executeOp('ImmutableConst', attributes, [], 1)[0]!.id;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    onRead(`frozen weights are held by this process alone, since their files could not be mapped: ${why}`);
    const read = valuesBetween(values, 0, values.length);
    return binding.createTensor(shape, dtype, dtype === UINT8 ? new Uint8Array(read.buffer) : read);
  }
}

const callOf =
  (binding: Binding, session: number, onRead: (why: string) => void): Call =>
  (inputs, outputs) => {
    const ids: number[] = [];
    try {
      for (const input of inputs) ids.push(tensorOf(binding, input, onRead));
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
  // No closure of this function may name `state`: the session's own would keep all of its values.
  const stored = namesOfStored(state);
  const fixed = fixedState(state);
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
  let notice: string | undefined;
  const call = callOf(binding, session, (why) => void (notice = why));
  // One call for all: TensorFlow prunes and optimises the graph once for every new set of inputs and outputs.
  call(
    Object.entries(state).map(([name, value]) => fedState(name, value)),
    ['initialised'],
  );
  let isOpen = true;
  return {
    mode: 'recorded',
    ...(notice === undefined ? {} : { notice }),
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
      if (fixed.has(name)) throw new Error(`state "${name}" ${fixed.get(name)} and only read`);
      call([fedState(name, { shape, data })], [`written/${name}`]);
    },
    dispose() {
      if (!isOpen) return;
      isOpen = false;
      binding.deleteSavedModel(session);
    },
  };
}

/** Why state is only read, by its name; of state that may be written nothing. */
const fixedState = (state: Record<string, StateValue>): Map<string, string> =>
  new Map(
    Object.entries(state).flatMap(([name, { data }]): [string, string][] => {
      if (isFile(data)) return [[name, 'lies in a file']];
      return areBfloat16(data) ? [[name, 'is stored in bfloat16']] : [];
    }),
  );

/** The pieces of state that are stored in bfloat16. */
const namesOfStored = (state: Record<string, StateValue>): ReadonlySet<string> =>
  new Set(Object.keys(state).filter((name) => areBfloat16(state[name]!.data)));

/** What is fed to set a piece of state. The addon takes no bfloat16: its bytes go in, two a value, and become it there. */
function fedState(name: string, { shape, data }: StateValue): Fed {
  const node = `init/${name}`;
  if (!areBfloat16(data)) return { node, shape, dtype: FLOAT, values: data };
  const values = isFile(data) ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { node, shape: [...shape, 2], dtype: UINT8, values };
}

/** For each piece of state: its variable, a placeholder to set it, and nodes to write and read it. */
function stateNodes(state: Record<string, StateValue>): NodeDef[] {
  return [
    graphNode('one', 'Const', [], {
      dtype: typeAttribute(FLOAT),
      value: tensorAttribute([], FLOAT, new Float32Array([1])),
    }),
    ...Object.entries(state).flatMap(([name, value]) =>
      areBfloat16(value.data) ? storedNodes(name, value.shape) : floatNodes(name, value.shape),
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
