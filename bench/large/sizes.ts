/**
 * The models and the step of the benchmark at the paper's sizes: cached features, a connector that is trained, and a
 * Llama with adapters on all matrices of its layers. The same step in PyTorch is bench/reference/large_torch.py.
 */
import type { JsonObject } from '../../src/json';

/** Sizes of a Llama, under the names of its published configuration. */
interface LlamaSizes {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  vocab_size: number;
}

interface LargeSize {
  /** whose shape it has */
  title: string;
  text: LlamaSizes;
  tied: boolean;
  /** width of the features: 384 but for tests */
  features?: number;
}

/** `tiny` is for tests. */
export const largeSizes = {
  tiny: {
    title: 'for tests',
    text: {
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 640,
    },
    tied: false,
  },
  '135m': {
    title: 'SmolLM2-135M',
    text: {
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      vocab_size: 49_152,
    },
    tied: true,
  },
  '1.1b': {
    title: 'TinyLlama-1.1B',
    text: {
      hidden_size: 2048,
      intermediate_size: 5632,
      num_hidden_layers: 22,
      num_attention_heads: 32,
      num_key_value_heads: 4,
      vocab_size: 32_000,
    },
    tied: false,
  },
  '6.7b': {
    title: "Vicuna-7B, LLaVA-1.5's language model",
    text: {
      hidden_size: 4096,
      intermediate_size: 11_008,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      vocab_size: 32_000,
    },
    tied: false,
  },
} as const satisfies Record<string, LargeSize>;
export type LargeSizeName = keyof typeof largeSizes;

/** One row of a batch: a start token, 256 features, 32 tokens of text of which the last 16 are answers. */
export const stepSize = { start: 1, text: 32, labels: 16, rows: 256, width: 384 } as const;
/** Places of a row that the language model reads: the last token predicts nothing. */
export const rowPlaces = 1 + stepSize.rows + stepSize.text - 1;

export const adapter = { rank: 16, alpha: 32, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] } as const;
export const rate = 1e-4;

/**
 * The configuration of a LLaVA of this size. Its tower gives the features' shape and is never run, so it has the fewest
 * layers that its family allows.
 */
export const configOf = (name: LargeSizeName): JsonObject => ({
  architectures: ['LlavaForConditionalGeneration'],
  model_type: 'llava',
  image_token_index: largeSizes[name].text.vocab_size - 1,
  tie_word_embeddings: largeSizes[name].tied,
  text_config: {
    model_type: 'llama',
    ...largeSizes[name].text,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: largeSizes[name].tied,
  },
  vision_config: {
    model_type: 'clip_vision_model',
    hidden_size: stepSize.width,
    intermediate_size: stepSize.width,
    num_hidden_layers: 2,
    num_attention_heads: 6,
    image_size: 224,
    patch_size: 14,
  },
});
