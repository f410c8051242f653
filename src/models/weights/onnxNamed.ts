/**
 * Weights of an ONNX export by the names of the modules they came from, as float32 whether they were stored so or in 8
 * bits.
 */
import { userError, type UserError } from '../../problems';
import type { WeightTensor } from './weight';
import { dequantise, type OnnxWeights } from './onnx';

/** Sides of a shape; null stands for any length from 1 on. */
export type ShapePattern = readonly (number | null)[];

export interface NamedWeights {
  has(name: string): boolean;
  /** The weight `name`, plain or quantised beside `_scale` and `_zero_point`; scales run along `axis`. */
  weight(name: string, axis: number, shape: ShapePattern): WeightTensor;
  /** The matrix [in, out] that linear module `module` multiplies by, e.g. `layers.0.self_attn.q_proj`. */
  matrix(module: string, shape: ShapePattern): WeightTensor;
}

/**
 * Both functions throw UserError for a weight that is missing or has another shape; `what` says what kind of file was
 * expected.
 */
export function namedWeights(onnx: OnnxWeights, what: string, where: string): NamedWeights {
  const bad = (found: string, expected: string): UserError =>
    userError({ where, what: found, expected, hint: 'fetch the weights again' });
  const checked = (name: string, found: WeightTensor, shape: ShapePattern): WeightTensor => {
    if (
      found.shape.length !== shape.length ||
      !shape.every((side, i) => (side === null ? found.shape[i]! > 0 : side === found.shape[i]))
    )
      throw bad(`${name} has the shape [${found.shape}]`, `[${shape.map((side) => side ?? 'any')}]`);
    return found;
  };
  function weight(name: string, axis: number, shape: ShapePattern): WeightTensor {
    const plain = onnx.initialisers.get(name);
    if (plain?.values instanceof Float32Array) return checked(name, { shape: plain.shape, data: plain.values }, shape);
    const quantised = onnx.initialisers.get(`${name}_quantized`);
    const scale = onnx.initialisers.get(`${name}_scale`);
    if (quantised === undefined || scale === undefined)
      throw bad(`no weight ${name}, neither plain nor quantised`, what);
    try {
      return checked(name, dequantise(quantised, scale, onnx.initialisers.get(`${name}_zero_point`), axis), shape);
    } catch (error) {
      if (error instanceof RangeError) throw bad(`${name}: ${error.message}`, 'one scale, or one for each channel');
      throw error;
    }
  }
  // Matrices lose their names in an export: the node that multiplies by them still carries the module's name, with
  // slashes.
  const products = new Map<string, string[]>();
  for (const { operation, name, inputs } of onnx.nodes) {
    const ending = operation === 'MatMul' ? '/MatMul' : operation === 'MatMulInteger' ? '/MatMul_quant' : undefined;
    if (ending === undefined || !name.startsWith('/') || !name.endsWith(ending)) continue;
    const module = name.slice(1, -ending.length).replaceAll('/', '.');
    products.set(module, [...(products.get(module) ?? []), inputs[1] ?? '']);
  }
  return {
    has: (name) => onnx.initialisers.has(name),
    weight,
    matrix(module, shape) {
      const inputs = products.get(module) ?? [];
      if (inputs.length !== 1) throw bad(`${inputs.length} products for ${module}`, 'one');
      return weight(inputs[0]!.replace(/_quantized$/, ''), 1, shape);
    },
  };
}
