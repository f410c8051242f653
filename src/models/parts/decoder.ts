/**
 * A language model, whatever its architecture: what a composition needs of its backbone, and decoders from published
 * configurations.
 */
import { pickRows } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { attentionSizes, limits, type Fields } from '../checkpoint/config';
import { classes, kindOf } from '../checkpoint/kind';
import { layerRows, type NameRow } from '../checkpoint/names';
import { activationOf } from './activation';
import type { Declared, Part } from './part';
import { causalLayers, type Attend } from './attend';
import type { Shared } from './layers';
import {
  headWidth,
  llama,
  llamaLogits,
  llamaWeights,
  rotaryAt,
  wholeTexts,
  type LlamaConfig,
  type LlamaVariant,
} from './llama';
import { opt, optLogits, optParameters, optPlaces, optPlacesAt, type OptConfig } from './opt';
import { ropeDivisors } from './rope';

export interface Decoder extends DecoderPasses {
  /** width of a token embedding, as the prefix must have it */
  width: number;
  vocabulary: number;
  parameters: Declared[];
  /** linear layers that adapters usually sit on, by our names */
  adapted: string[];
}

/** A decoder from a published configuration. */
export interface PublishedDecoder extends Decoder {
  /** `model_type` of the configuration */
  kind: string;
  /** the output head is the token embedding */
  tied: boolean;
  /** published names below the modules `stem` (the model) and `head` (its output head) */
  names(stem: string, head: string): NameRow[];
}

/** What a decoder computes. */
export interface DecoderPasses {
  /** longest sequence */
  context: number;
  /** what one token leaves in a cache: keys, and values, [heads, size] in each layer */
  cache: { layers: number; heads: number; size: number };
  /**
   * embeddings [B, S, width] and which places count [B, S] (1 or 0; null: all) -> hidden states [B, S, width]; `attend`
   * replaces causal attention among places that count
   */
  hidden(part: Part, embeddings: Tensor, counts: Tensor | null, attend?: Attend): Tensor;
  /**
   * embeddings [R, 1, width] of one token a row at positions int32 [R], all below `length` -> hidden states [R, 1,
   * width]
   */
  next(part: Part, embeddings: Tensor, positions: Tensor, length: number, attend: Attend): Tensor;
  /** hidden states [n, width] -> logits [n, V] */
  logits(part: Part, hidden: Tensor): Tensor;
}

/** Rows [n, width] of token ids int32 [n]. */
export const embedTokens = (part: Part, ids: Tensor): Tensor => pickRows(need(part.tensors, 'tokenEmbedding'), ids);

/** As asked for, else causal attention among places that count. */
const attention = (embeddings: Tensor, counts: Tensor | null, attend?: Attend): Shared<Attend> =>
  attend === undefined ? causalLayers(embeddings.shape[1]!, counts) : given(attend);

/** What layers share where it is at hand: generation takes no gradient. */
const given = <S>(shared: S): Shared<S> => ({ of: [], make: () => shared });

/** A Llama-like model. */
export const llamaDecoder = (config: LlamaConfig): Decoder => ({
  width: config.width,
  vocabulary: config.vocabulary,
  parameters: llamaWeights(config),
  adapted: [...(config.variant?.fused ? ['qkv'] : ['q', 'k', 'v']), 'o', 'gate', 'up', 'down'],
  context: config.context,
  cache: { layers: config.layers, heads: config.keyValueHeads, size: headWidth(config) },
  hidden(part, embeddings, counts, attend) {
    if (embeddings.shape[1]! > config.context)
      throw new RangeError(`${embeddings.shape[1]} tokens for a context of ${config.context}`);
    const shared = wholeTexts(config, embeddings.shape[1]!, attention(embeddings, counts, attend));
    return llama(config, part, embeddings, shared);
  },
  next: (part, embeddings, positions, length, attend) =>
    llama(config, part, embeddings, given({ attend, tables: rotaryAt(config, positions, length) })),
  logits: (part, hidden) => llamaLogits(config, part.tensors, hidden),
});

/**
 * `tied`: whether the checkpoint leaves out the output head. A model type that is not known is a problem of the
 * configuration.
 */
export function decoderOf(fields: Fields, tied: boolean, missingKind: DecoderKind): PublishedDecoder {
  const kind = kindOf(fields, decoderClasses, missingKind);
  return kind === 'opt' ? optDecoder(fields, tied) : publishedLlama(fields, kind, tied);
}

/** Language models that are read, by `model_type`, with the names of their classes. */
export const decoderClasses = {
  internlm2: classes('InternLM2'),
  llama: classes('Llama'),
  mistral: classes('Mistral'),
  opt: classes('OPT'),
  qwen2: classes('Qwen2'),
} as const;

export type DecoderKind = keyof typeof decoderClasses;

/**
 * Published defaults where they differ: those of the configuration classes of transformers, and of InternLM2's own
 * code.
 */
const llamaDefaults = {
  llama: { vocabulary: 32_000, hidden: 11_008, keyValueHeads: null, context: 2048, theta: 10_000 },
  mistral: { vocabulary: 32_000, hidden: 14_336, keyValueHeads: 8, context: 131_072, theta: 10_000 },
  qwen2: { vocabulary: 151_936, hidden: 22_016, keyValueHeads: 32, context: 32_768, theta: 10_000 },
  internlm2: { vocabulary: 103_168, hidden: 11_008, keyValueHeads: null, context: 2048, theta: 10_000 },
} as const;

type LlamaKind = keyof typeof llamaDefaults;

/**
 * The sizes of a Llama-like model from its published configuration. `tied`: whether the checkpoint leaves out the
 * output head.
 */
export function llamaConfigOf(fields: Fields, kind: LlamaKind, tied: boolean): LlamaConfig {
  const missing = llamaDefaults[kind];
  const width = fields.whole('hidden_size', 4096, limits.width),
    heads = fields.whole('num_attention_heads', 32, limits.heads);
  // Where the published classes are told null they take as many as there are heads.
  const keyValueHeads =
    missing.keyValueHeads === null || fields.raw('num_key_value_heads') === null
      ? fields.derived('num_key_value_heads', heads, limits.heads)
      : fields.whole('num_key_value_heads', missing.keyValueHeads, limits.heads);
  const context = fields.whole('max_position_embeddings', missing.context, limits.positions);
  if (heads % keyValueHeads !== 0) fields.bad('num_key_value_heads', `a divisor of num_attention_heads ${heads}`);
  const hasHeadWidth = (fields.raw('head_dim') ?? null) !== null;
  if (!hasHeadWidth && width % heads !== 0) fields.bad('num_attention_heads', `a divisor of hidden_size ${width}`);
  const size = fields.derived('head_dim', Math.max(1, Math.floor(width / heads)), limits.width);
  if (size % 2 !== 0)
    fields.bad(hasHeadWidth ? 'head_dim' : 'num_attention_heads', 'heads of an even width, for rotary positions');
  const window = slidingWindow(fields, kind) ?? context;
  const rope = ropeDivisors(fields, size, missing.theta);
  return {
    width,
    heads,
    keyValueHeads,
    tied,
    hiddenWidth: fields.whole('intermediate_size', missing.hidden, limits.hidden),
    layers: fields.whole('num_hidden_layers', 32, limits.layers),
    vocabulary: fields.whole('vocab_size', missing.vocabulary, limits.vocabulary),
    // Beyond its window a model with sliding attention would differ from one without.
    context: Math.min(context, window),
    normEpsilon: fields.positive('rms_norm_eps', 1e-6),
    ropeBase: rope.base,
    variant: {
      headWidth: size,
      bias: biasOf(fields, kind),
      fused: kind === 'internlm2',
      activation: activationOf(fields, 'hidden_act', 'silu'),
      ...(rope.divisors === undefined ? {} : { ropeDivisors: rope.divisors }),
    },
  };
}

/** Which layers have a bias; each kind has fields of its own for that. */
function biasOf(fields: Fields, kind: LlamaKind): NonNullable<LlamaVariant['bias']> {
  switch (kind) {
    case 'llama': {
      const attention = fields.flag('attention_bias', false);
      return { qkv: attention, output: attention, feedForward: fields.flag('mlp_bias', false) };
    }
    case 'internlm2': {
      const attention = fields.flag('bias', true);
      return { qkv: attention, output: attention, feedForward: false };
    }
    case 'mistral':
      return { qkv: false, output: false, feedForward: false };
    case 'qwen2':
      return { qkv: true, output: false, feedForward: false };
  }
}

/** Places that an attention that slides looks back on; null where it does not slide. */
function slidingWindow(fields: Fields, kind: LlamaKind): number | null {
  const slides = kind === 'mistral' || (kind === 'qwen2' && fields.flag('use_sliding_window', false));
  return slides && fields.raw('sliding_window') !== null
    ? fields.whole('sliding_window', 4096, limits.positions)
    : null;
}

const publishedLlama = (fields: Fields, kind: LlamaKind, tied: boolean): PublishedDecoder => ({
  kind,
  tied,
  ...llamaDecoder(llamaConfigOf(fields, kind, tied)),
  names: kind === 'internlm2' ? internlm2Names : llamaNames,
});

/** Published names of a Llama. */
export const llamaNames = (stem: string, head: string): NameRow[] => [
  ['tokenEmbedding', `${stem}.embed_tokens`],
  ['finalNorm', `${stem}.norm`],
  ['lmHead', head],
  ...layerRows('layers', `${stem}.layers`, [
    ['attentionNorm', 'input_layernorm'],
    ['q', 'self_attn.q_proj'],
    ['k', 'self_attn.k_proj'],
    ['v', 'self_attn.v_proj'],
    ['o', 'self_attn.o_proj'],
    ['feedForwardNorm', 'post_attention_layernorm'],
    ['gate', 'mlp.gate_proj'],
    ['up', 'mlp.up_proj'],
    ['down', 'mlp.down_proj'],
  ]),
];

const internlm2Names = (stem: string, head: string): NameRow[] => [
  ['tokenEmbedding', `${stem}.tok_embeddings`],
  ['finalNorm', `${stem}.norm`],
  ['lmHead', head],
  ...layerRows('layers', `${stem}.layers`, [
    ['attentionNorm', 'attention_norm'],
    ['qkv', 'attention.wqkv'],
    ['o', 'attention.wo'],
    ['feedForwardNorm', 'ffn_norm'],
    ['gate', 'feed_forward.w1'],
    ['up', 'feed_forward.w3'],
    ['down', 'feed_forward.w2'],
  ]),
];

function optDecoder(fields: Fields, tied: boolean): PublishedDecoder {
  const { width, heads } = attentionSizes(fields, { width: 768, heads: 12 });
  // The 350M model embeds in a smaller width; transformers itself cannot put features among such embeddings.
  if (fields.derived('word_embed_proj_dim', width, limits.width) !== width)
    fields.bad('word_embed_proj_dim', `hidden_size ${width}`);
  const normFirst = fields.flag('do_layer_norm_before', true);
  const config: OptConfig = {
    width,
    heads,
    tied,
    normFirst,
    hidden: fields.whole('ffn_dim', 3072, limits.hidden),
    layers: fields.whole('num_hidden_layers', 12, limits.layers),
    vocabulary: fields.whole('vocab_size', 50_272, limits.vocabulary),
    context: fields.whole('max_position_embeddings', 2048, limits.positions),
    activation: activationOf(fields, 'activation_function', 'relu'),
    finalNorm: normFirst && !fields.flag('_remove_final_layer_norm', false),
    bias: fields.flag('enable_bias', true),
    affine: fields.flag('layer_norm_elementwise_affine', true),
  };
  return {
    kind: 'opt',
    width,
    tied,
    vocabulary: config.vocabulary,
    context: config.context,
    parameters: optParameters(config),
    names: optNames,
    adapted: ['q', 'k', 'v', 'o', 'up', 'down'],
    cache: { layers: config.layers, heads, size: width / heads },
    hidden: (part, embeddings, counts, attend) =>
      opt(
        config,
        part,
        embeddings,
        optPlaces(counts ?? tf.ones(embeddings.shape.slice(0, 2))),
        attention(embeddings, counts, attend),
      ),
    next: (part, embeddings, positions, _length, attend) =>
      opt(config, part, embeddings, optPlacesAt(positions), given(attend)),
    logits: (part, hidden) => optLogits(config, part, hidden),
  };
}

const optNames = (stem: string, head: string): NameRow[] => [
  ['tokenEmbedding', `${stem}.decoder.embed_tokens`],
  ['positions', `${stem}.decoder.embed_positions`],
  ['finalNorm', `${stem}.decoder.final_layer_norm`],
  ['lmHead', head],
  ...layerRows('layers', `${stem}.decoder.layers`, [
    ['q', 'self_attn.q_proj'],
    ['k', 'self_attn.k_proj'],
    ['v', 'self_attn.v_proj'],
    ['o', 'self_attn.out_proj'],
    ['attentionNorm', 'self_attn_layer_norm'],
    ['up', 'fc1'],
    ['down', 'fc2'],
    ['feedForwardNorm', 'final_layer_norm'],
  ]),
];
