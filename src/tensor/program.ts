/**
 * A program is a pure function over declared inputs and shared state. A session holds the state and runs the programs:
 * recorded as one TensorFlow graph where the backend allows it, else op by op. Model and method code never sees which.
 */
import { tf, need, type Tensors } from './tf';
import { recordSession } from './recorded';

export interface TensorSpec {
  shape: number[];
  dtype: 'float32' | 'int32';
}
export type Values = Float32Array | Int32Array;

export interface Program {
  /** every value that may change from call to call: anything else is fixed when the session opens */
  inputs: Record<string, TensorSpec>;
  /** names of the state that it reads; the rest of the session's state is not passed in */
  reads: string[];
  /** (inputs, state) -> outputs and the new value of each piece of state that changes; must not read a value back */
  run(inputs: Tensors, state: Tensors): { outputs: Tensors; state?: Tensors };
}

/** Initial value of one piece of state (parameters, optimiser moments, frozen weights). */
export interface StateValue {
  shape: number[];
  data: Float32Array;
}

export interface Session {
  mode: 'recorded' | 'eager';
  /** why a recorded session could not be had on the tensorflow backend; absent when nothing was given up */
  notice?: string;
  /** runs one program; throws Error naming the input when a value is missing or has the wrong length */
  run(program: string, inputs: Record<string, Values>): Promise<Record<string, Float32Array>>;
  read(name: string): Promise<Float32Array>;
  write(name: string, data: Float32Array): Promise<void>;
  /** gives the state's memory back; a second call does nothing */
  dispose(): void;
}

/**
 * Opens a session on the current backend. On `tensorflow` the programs are recorded; when recording fails, the session
 * runs eagerly and `notice` says why (`eager: true` asks for that, for comparison).
 */
export function openSession(
  programs: Record<string, Program>,
  state: Record<string, StateValue>,
  options: { eager?: boolean } = {},
): Session {
  if (tf.getBackend() !== 'tensorflow' || options.eager === true) return eagerSession(programs, state);
  try {
    return recordSession(programs, state);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ...eagerSession(programs, state),
      notice: `steps run op by op, because they could not be recorded: ${reason}`,
    };
  }
}

/** Checks the values of one call against a program's declaration. */
export function checkInputs(name: string, program: Program, inputs: Record<string, Values>): void {
  for (const [input, spec] of Object.entries(program.inputs)) {
    const values = inputs[input];
    const length = spec.shape.reduce((a, b) => a * b, 1);
    if (values === undefined) throw new Error(`program ${name}: input "${input}" is missing`);
    if (values.length !== length)
      throw new Error(
        `program ${name}: input "${input}" has ${values.length} values, its shape [${spec.shape.join(', ')}] needs ${length}`,
      );
  }
}

function eagerSession(programs: Record<string, Program>, initial: Record<string, StateValue>): Session {
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
        const { outputs, state: updates = {} } = program.run(
          tensors,
          Object.fromEntries(program.reads.map((key) => [key, need(state, key)])),
        );
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
