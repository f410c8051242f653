/**
 * Weights of a Whisper encoder that transformers exported to ONNX, as those of `parts/whisperEncoder.ts`. What the
 * export holds in 8 bits is turned back into float32 (activations stay float32 too).
 */
import { userError } from '../../../problems';
import { whisperParameters, type WhisperOptions } from '../../parts/whisperEncoder';
import { transposed, type WeightTensor } from '../../weights/weight';
import type { OnnxWeights } from '../../weights/onnx';
import { namedWeights } from '../../weights/onnxNamed';

const modules: Readonly<Record<string, string>> = {
  norm: 'layer_norm',
  attentionNorm: 'self_attn_layer_norm',
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.out_proj',
  feedForwardNorm: 'final_layer_norm',
  up: 'fc1',
  down: 'fc2',
};

/** `layers.0.q` -> `layers.0.self_attn.q_proj`. */
const moduleOf = (name: string): string => name.replace(/[^.]+$/, (last) => modules[last] ?? last);

/**
 * All parameters of the encoder, and no block that it does not run. Throws UserError when one is missing or has another
 * shape.
 */
export function onnxWhisper(
  onnx: OnnxWeights,
  options: WhisperOptions,
  where = 'Whisper weights',
): Record<string, WeightTensor> {
  const { has, weight, matrix } = namedWeights(onnx, 'a Whisper encoder', where);
  const last = options.layers - 1;
  if (has('conv1.bias') && last >= 0 && !has(`layers.${last}.fc1.bias`))
    throw userError({
      where,
      what: `no block ${last}`,
      expected: `at least ${options.layers} blocks`,
      hint: 'fetch the weights again',
    });
  return Object.fromEntries(
    whisperParameters(options).map(({ name, shape }) => {
      if (name === 'positions') return [name, weight('embed_positions.weight', 0, shape)];
      if (name.endsWith('.bias')) return [name, weight(`${moduleOf(name.slice(0, -'.bias'.length))}.bias`, 0, shape)];
      const module = moduleOf(name);
      if (shape.length !== 2) return [name, weight(`${module}.weight`, 0, shape)];
      return [name, transposed(matrix(module, [shape[1]!, shape[0]!]))];
    }),
  );
}
