/**
 * Opens sessions: programs (declared.ts) recorded as one TensorFlow graph where the backend allows it, else op by op.
 */
import { asFloat32 } from './bfloat16';
import { checkInputs, type Program, type Session, type StateValue } from './declared';
import { loadKernels, withKernels, type Kernels } from './kernels';
import { precisionFault } from './precision';
import { recordSession } from './recorded';
import { areBfloat16 } from './tensorFile';
import { need, tf, type Tensors } from './tf';

export type { Program, Session, StateValue, TensorSpec, Values } from './declared';

/**
 * Opens a session on the current backend. On `tensorflow` the programs are recorded; when recording fails, the session
 * runs eagerly and `notice` says why (`eager: true` asks for that, for comparison). `kernels` are plain ones unless asked
 * for. Throws UserError (exit code 3) where the linked TensorFlow should have fused ones and has not.
 */
export function openSession(
  programs: Record<string, Program>,
  state: Record<string, StateValue>,
  { eager = false, kernels = 'plain' }: { eager?: boolean; kernels?: Kernels } = {},
): Session {
  loadKernels(kernels);
  if (tf.getBackend() !== 'tensorflow' || eager) return eagerSession(programs, floatsOf(state), kernels);
  try {
    return withKernels(kernels, () => recordSession(programs, state));
  } catch (error) {
    if (Object.values(state).some(({ data }) => areBfloat16(data))) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ...eagerSession(programs, floatsOf(state), kernels),
      notice: `steps run op by op, because they could not be recorded: ${reason}`,
    };
  }
}

/** State without bfloat16, which only recorded programs read. Throws UserError where there is some. */
function floatsOf(state: Record<string, StateValue>): FloatState {
  const floats: FloatState = {};
  for (const [name, { shape, data }] of Object.entries(state)) {
    if (areBfloat16(data)) {
      if (tf.getBackend() !== 'tensorflow') throw precisionFault(tf.getBackend());
      throw new Error(`state "${name}" is in bfloat16, which steps that run op by op cannot read`);
    }
    floats[name] = { shape, data: asFloat32(data) };
  }
  return floats;
}

type FloatState = Record<string, { shape: number[]; data: Float32Array }>;

function eagerSession(programs: Record<string, Program>, initial: FloatState, kernels: Kernels): Session {
  const state: Tensors = {};
  for (const [name, value] of Object.entries(initial))
    state[name] = tf.keep(tf.tensor(value.data, value.shape, 'float32'));
  return {
    mode: 'eager',
    async run(name, inputs) {
      const program = programs[name];
      if (program === undefined) throw new Error(`no program "${name}"`);
      checkInputs(name, program, inputs);
      const result = tf.tidy(() => {
        const tensors: Tensors = {};
        for (const [input, spec] of Object.entries(program.inputs))
          tensors[input] = tf.tensor(inputs[input]!, spec.shape, spec.dtype);
        const read = Object.fromEntries(program.reads.map((key) => [key, need(state, key)]));
        const { outputs, state: updates = {} } = withKernels(kernels, () => program.run(tensors, read));
        return { outputs, updates };
      });
      const replaced = Object.keys(result.updates).map((key) => need(state, key));
      for (const [key, tensor] of Object.entries(result.updates)) state[key] = tf.keep(tensor);
      // An old value may live on as another piece of state (theta becomes previous).
      const held = new Set(Object.values(state));
      for (const old of replaced) if (!held.has(old)) old.dispose();
      const entries = await Promise.all(
        Object.entries(result.outputs).map(async ([key, tensor]) => [key, await tensor.data<'float32'>()] as const),
      );
      tf.dispose(result.outputs);
      return Object.fromEntries(entries);
    },
    async read(name) {
      return (await need(state, name).data<'float32'>()).slice();
    },
    async write(name, data) {
      const old = need(state, name);
      state[name] = tf.keep(tf.tensor(data, old.shape, 'float32'));
      old.dispose();
    },
    dispose() {
      tf.dispose(state);
    },
  };
}
