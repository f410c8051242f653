/**
 * One program as graph nodes. It runs once while every call into the TensorFlow addon is written down; declared inputs
 * become placeholders, and whatever else a program makes from JavaScript values becomes a constant, so a value that
 * changes between calls must be a declared input.
 */
import { recordingAdam } from './adam';
import { graphNode, shapeAttribute, typeAttribute, type NodeDef } from './graph';
import type { Program } from './declared';
import { lowered, roundsProducts } from './lowering';
import { heedingPrecision } from './products';
import { adamRecorder } from './recordAdam';
import { orderRecorder } from './recordOrder';
import { recordingOrder } from './recompute';
import {
  dtypeNumber,
  FLOAT,
  idOf,
  openRecording,
  sourceOf,
  spyOn,
  standFor,
  tensorOf,
  type Known,
  type NodeBackend,
  type Recording,
} from './recording';
import { tf, type Tensors } from './tf';

/**
 * Writes down the calls that a program makes into the addon. Nothing is computed. `stored`: state that is kept in
 * bfloat16.
 */
export function recordProgram(
  backend: NodeBackend,
  name: string,
  program: Program,
  shapes: Record<string, number[]>,
  known: Known,
  stored: ReadonlySet<string> = new Set(),
): { nodes: NodeDef[]; outputs: string[] } {
  const recording = openRecording(backend, name, known);
  const readPrefix = `${name}/read/`;
  /** state that a node has already updated -> the node that reads the new value */
  const inPlace = new Map<string, string>();
  const adam = adamRecorder(recording, { reads: program.reads, readPrefix, inPlace });
  let outputs: string[];
  const before = tf.memory().numTensors;
  tf.engine().startScope();
  backend.binding = spyOn(recording);
  try {
    const inputs = recordInputs(recording, program);
    const read = recordReads(recording, program, shapes, readPrefix);
    const result = heedingPrecision(() =>
      recordingAdam(adam, () => recordingOrder(orderRecorder(recording), () => program.run(inputs, read))),
    );
    // A state may be assigned only after every node that reads its old value: reads come from ReadVariableOp nodes,
    // whose values are fixed when they run, so the assignments wait for all of them.
    const reads = program.reads.map((key) => `^${readPrefix}${key}`);
    const assigned = recordAssignments(recording, result.state ?? {}, reads, inPlace);
    outputs = recordOutputs(recording, result.outputs, assigned);
  } finally {
    tf.engine().endScope(); // releases what has no values, so before the addon takes over again
    backend.binding = recording.binding;
  }
  if (tf.memory().numTensors > before)
    throw new Error(`program ${name} leaves ${tf.memory().numTensors - before} tensors behind`);
  return { nodes: loweredNodes(recording, stored), outputs };
}

/** The nodes with what of them is in bfloat16. The library is asked how it rounds only where something is. */
function loweredNodes({ nodes, rounded, binding }: Recording, stored: ReadonlySet<string>): NodeDef[] {
  return lowered(nodes, { stored, rounded, native: rounded.size > 0 && roundsProducts(binding) });
}

/** A placeholder for each declared input. */
function recordInputs(recording: Recording, program: Program): Tensors {
  const inputs: Tensors = {};
  for (const [input, spec] of Object.entries(program.inputs)) {
    const node = `${recording.name}/in/${input}`;
    inputs[input] = standFor(recording, tf.zeros(spec.shape, spec.dtype), node);
    recording.nodes.push(
      graphNode(node, 'Placeholder', [], {
        dtype: typeAttribute(dtypeNumber(spec)),
        shape: shapeAttribute(spec.shape),
      }),
    );
  }
  return inputs;
}

/** A node for each state that the program reads. Throws Error for state that the session does not hold. */
function recordReads(
  recording: Recording,
  program: Program,
  shapes: Record<string, number[]>,
  readPrefix: string,
): Tensors {
  const read: Tensors = {};
  for (const key of program.reads) {
    const shape = shapes[key];
    if (shape === undefined)
      throw new Error(`program ${recording.name} reads state "${key}", which the session does not hold`);
    const node = `${readPrefix}${key}`;
    read[key] = standFor(recording, tf.zeros(shape), node);
    recording.nodes.push(graphNode(node, 'ReadVariableOp', [`var/${key}`], { dtype: typeAttribute(FLOAT) }));
  }
  return read;
}

/**
 * A node for each state that the program returns, unless one has updated it already; gives what outputs wait for.
 * Throws Error when an updated state is not returned.
 */
function recordAssignments(
  recording: Recording,
  state: Tensors,
  reads: readonly string[],
  inPlace: ReadonlyMap<string, string>,
): string[] {
  const { name, nodes } = recording;
  const assigned: string[] = [];
  for (const [key, tensor] of Object.entries(state)) {
    const source = sourceOf(recording, 'assign', idOf(recording, tensor));
    if (source === inPlace.get(key)) {
      assigned.push(`^${source}`);
      continue;
    }
    const node = `${name}/assign/${key}`;
    const type = { dtype: typeAttribute(FLOAT) };
    nodes.push(graphNode(node, 'AssignVariableOp', [`var/${key}`, source, ...reads], type));
    assigned.push(`^${node}`);
  }
  for (const key of inPlace.keys())
    if (state[key] === undefined) throw new Error(`program ${name} updates state "${key}" and does not return it`);
  return assigned;
}

/** A node for each output, after all assignments; gives their names. */
function recordOutputs(recording: Recording, outputs: Tensors, assigned: readonly string[]): string[] {
  return Object.entries(outputs).map(([key, tensor]) => {
    const id = idOf(recording, tensor);
    const source = sourceOf(recording, 'output', id);
    const type = { T: typeAttribute(tensorOf(recording, 'output', id).dtype) };
    recording.nodes.push(graphNode(`${recording.name}/out/${key}`, 'Identity', [source, ...assigned], type));
    return key;
  });
}
