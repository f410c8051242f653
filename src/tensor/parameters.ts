/**
 * Trainable parameters of one module as one flat vector, and their views by name. One vector a module means one
 * optimiser, one norm and one difference of a few ops instead of a dozen a tensor.
 */
import { random } from '../random';
import { sizeOf } from './shape';
import { tf, type Tensor, type Tensors } from './tf';

/** How a parameter starts. `normal`: standard deviation; `value`: given numbers, e.g. pretrained weights. */
export type Initial =
  | { kind: 'zeros' }
  | { kind: 'constant'; value: number }
  | { kind: 'normal'; deviation: number }
  | { kind: 'value'; data: Float32Array };

export interface ParameterSpec {
  name: string;
  shape: number[];
  initial: Initial;
}

export const totalSize = (specs: readonly ParameterSpec[]): number =>
  specs.reduce((sum, spec) => sum + sizeOf(spec.shape), 0);

/**
 * The module's start, a function of (seed, parameter name) alone. Throws Error when given values have the wrong size.
 */
export function initialVector(specs: ParameterSpec[], seed: number): Float32Array {
  const vector = new Float32Array(totalSize(specs));
  let at = 0;
  for (const { name, shape, initial } of specs) {
    const part = vector.subarray(at, (at += sizeOf(shape)));
    if (initial.kind === 'constant') part.fill(initial.value);
    else if (initial.kind === 'normal') {
      const source = random(seed, `initial/${name}`);
      for (let i = 0; i < part.length; i++) part[i] = source.normal() * initial.deviation;
    } else if (initial.kind === 'value') {
      if (initial.data.length !== part.length)
        throw new Error(`parameter ${name}: ${initial.data.length} values for shape [${shape.join(', ')}]`);
      part.set(initial.data);
    }
  }
  return vector;
}

/** A module's parameters by name, as views of its flat vector. Throws RangeError when the vector has another size. */
export function valuesByName(
  specs: readonly ParameterSpec[],
  vector: Float32Array,
): Record<string, { shape: number[]; data: Float32Array }> {
  const values: Record<string, { shape: number[]; data: Float32Array }> = {};
  let at = 0;
  for (const { name, shape } of specs) values[name] = { shape, data: vector.subarray(at, (at += sizeOf(shape))) };
  if (at !== vector.length) throw new RangeError(`${vector.length} values for ${at} parameters`);
  return values;
}

/**
 * The flat vector of a module from values by name, its own and perhaps others, which are left out. All must be there,
 * in their shapes.
 */
export function vectorByName(
  specs: readonly ParameterSpec[],
  values: Record<string, { data: Float32Array }>,
): Float32Array {
  const vector = new Float32Array(totalSize(specs));
  let at = 0;
  for (const { name, shape } of specs) {
    vector.set(values[name]!.data, at);
    at += sizeOf(shape);
  }
  return vector;
}

/** [size] -> one tensor a parameter, in the order of `specs`. */
export function splitVector(vector: Tensor, specs: ParameterSpec[]): Tensor[] {
  if (specs.length === 0) return [];
  if (specs.length === 1) return [tf.reshape(vector, specs[0]!.shape)];
  return tf
    .split(
      vector as tf.Tensor1D,
      specs.map((spec) => sizeOf(spec.shape)),
    )
    .map((part, i) => tf.reshape(part, specs[i]!.shape));
}

/** The inverse of `splitVector`. */
export function joinVector(parts: Tensor[]): tf.Tensor1D {
  return parts.length === 1
    ? (tf.reshape(parts[0]!, [-1]) as tf.Tensor1D)
    : tf.concat(parts.map((part) => tf.reshape(part, [-1]) as tf.Tensor1D));
}

/** Tensors by parameter name. */
export function byName(specs: ParameterSpec[], parts: Tensor[]): Tensors {
  return Object.fromEntries(specs.map((spec, i) => [spec.name, parts[i]!]));
}
