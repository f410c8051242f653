/** The small backbones in the layout of transformers' LlamaForCausalLM: names of tensors, and config.json. */
import { silu } from '../../../tensor/ops';
import { theirName, type NameTable } from '../../checkpoint/names';
import type { WeightTensor } from '../../weights/weight';
import { llamaNames } from '../../parts/decoder';
import { headWidth, llamaWeights, type LlamaConfig } from '../../parts/llama';

/** Published names of the weights of a backbone that stands alone. */
export const causalLlama: NameTable = { rows: llamaNames('model', 'lm_head') };

/**
 * Weights over the whole vocabulary under their published names. A tied output head is not among them, as transformers
 * saves it.
 */
export const asCausalLlama = (
  config: LlamaConfig,
  weights: Record<string, WeightTensor>,
): Record<string, WeightTensor> =>
  Object.fromEntries(llamaWeights(config).map(({ name }) => [theirName(causalLlama, name), weights[name]!]));

/**
 * config.json. `begin` and `end` are ids of the whole vocabulary. Throws Error for a variant that transformers' Llama
 * does not have (a fault of ours).
 */
export function causalLlamaConfig(
  config: LlamaConfig,
  tokens: { begin: number; end: number },
): Record<string, unknown> {
  const {
    bias = { qkv: false, output: false, feedForward: false },
    activation = silu,
    fused = false,
    ropeDivisors,
  } = config.variant ?? {};
  if (fused || activation !== silu || ropeDivisors !== undefined || bias.qkv !== bias.output)
    throw new Error('this Llama has no configuration in transformers that is written here');
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: config.width,
    intermediate_size: config.hiddenWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: headWidth(config),
    vocab_size: config.vocabulary,
    max_position_embeddings: config.context,
    hidden_act: 'silu',
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeBase,
    attention_bias: bias.qkv,
    mlp_bias: bias.feedForward,
    attention_dropout: 0,
    tie_word_embeddings: config.tied,
    bos_token_id: tokens.begin,
    eos_token_id: tokens.end,
    pad_token_id: null,
  };
}
