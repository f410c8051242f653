/** Weights of a Whisper encoder that CTranslate2 converted, as those of `parts/whisperEncoder.ts`. */
import { userError } from '../../../problems';
import { sizeOf } from '../../../tensor/shape';
import { whisperParameters, type WhisperOptions } from '../../parts/whisperEncoder';
import type { Ctranslate2File } from '../../weights/ctranslate2';
import type { WeightTensor } from '../../weights/weight';

/** Names below `encoder/layer_N`; norms have gamma and beta, the others weight and bias. */
const modules: Readonly<Record<string, string>> = {
  attentionNorm: 'self_attention/layer_norm',
  o: 'self_attention/linear_1',
  feedForwardNorm: 'ffn/layer_norm',
  up: 'ffn/linear_0',
  down: 'ffn/linear_1',
};
/** Queries, keys and values lie in one variable, in this order. */
const fused = ['q', 'k', 'v'];

/** The name of the file for one of ours, and which third of it is ours where three lie in one. */
function placeOf(name: string): { variable: string; third?: number } {
  if (name === 'positions') return { variable: 'encoder/position_encodings/encodings' };
  const isBias = name.endsWith('.bias');
  const own = isBias ? name.slice(0, -'.bias'.length) : name;
  const kind = (module: string) => (module.endsWith('norm') ? (isBias ? 'beta' : 'gamma') : isBias ? 'bias' : 'weight');
  if (!own.startsWith('layers.')) {
    const module = own === 'norm' ? 'layer_norm' : own;
    return { variable: `encoder/${module}/${kind(module)}` };
  }
  const [, layer, part] = own.split('.') as [string, string, string];
  const third = fused.indexOf(part);
  const module = third < 0 ? modules[part]! : 'self_attention/linear_0';
  const variable = `encoder/layer_${layer}/${module}/${kind(module)}`;
  return third < 0 ? { variable } : { variable, third };
}

/**
 * All parameters of the encoder, and no block that it does not run. Throws UserError when one is missing or has another
 * shape, for another kind of model, and for keys with a bias, which Whisper does not have.
 */
export function ctranslate2Whisper(
  file: Ctranslate2File,
  options: WhisperOptions,
  where: string,
): Record<string, WeightTensor> {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  if (file.spec !== 'WhisperSpec') throw bad(`a model of the class ${file.spec}`, 'WhisperSpec');
  function values(name: string, shape: readonly number[]): Float32Array {
    const { variable, third } = placeOf(name);
    const stored = third === undefined ? shape : [3 * shape[0]!, ...shape.slice(1)];
    const found = file.variables.get(variable)?.shape;
    if (found?.join() !== stored.join())
      throw bad(
        found === undefined ? `no variable ${variable}` : `${variable} has the shape [${found}]`,
        `[${stored}]`,
      );
    const { data } = file.read(variable);
    const size = sizeOf(shape);
    if (variable.endsWith('self_attention/linear_0/bias') && data.subarray(size, 2 * size).some((value) => value !== 0))
      throw bad(`${variable} holds a bias of the keys`, 'none');
    return third === undefined ? data : data.slice(third * size, (third + 1) * size);
  }
  return Object.fromEntries(
    whisperParameters(options).map(({ name, shape }) => [name, { shape, data: values(name, shape) }]),
  );
}
