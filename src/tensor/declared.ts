/**
 * What a program is: a pure function over declared inputs and shared state. A session (program.ts) holds the state and
 * runs the programs; model and method code never sees how.
 */
import { sizeOf } from './shape';
import type { StoredValues } from './tensorFile';
import type { Tensors } from './tf';

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

/**
 * Initial value of one piece of state (parameters, optimiser moments, frozen weights). Bits of bfloat16 numbers
 * (bfloat16.ts) and files are stored as they are, for programs that only read them.
 */
export interface StateValue {
  shape: number[];
  data: StoredValues;
}

export interface Session {
  mode: 'recorded' | 'eager';
  /** why steps could not be recorded, or files not mapped, on the tensorflow backend; absent when nothing was given up */
  notice?: string;
  /** runs one program; throws Error naming the input when a value is missing or has the wrong length */
  run(program: string, inputs: Record<string, Values>): Promise<Record<string, Float32Array>>;
  read(name: string): Promise<Float32Array>;
  write(name: string, data: Float32Array): Promise<void>;
  /** gives the state's memory back; a second call does nothing */
  dispose(): void;
}

/** Checks the values of one call against a program's declaration. */
export function checkInputs(name: string, program: Program, inputs: Record<string, Values>): void {
  for (const [input, spec] of Object.entries(program.inputs)) {
    const values = inputs[input];
    const length = sizeOf(spec.shape);
    if (values === undefined) throw new Error(`program ${name}: input "${input}" is missing`);
    if (values.length !== length)
      throw new Error(
        `program ${name}: input "${input}" has ${values.length} values, its shape [${spec.shape.join(', ')}] needs ${length}`,
      );
  }
}
