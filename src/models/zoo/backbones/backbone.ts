/** What the zoo's backbones have in common, and what one says of itself in its own file; index.ts lists them. */
import type { Tokenizer } from '../../../text/tokenizer';
import type { LlamaConfig } from '../../parts/llama';
import type { StoredTensor, WeightTensor } from '../../weights/weight';

/** A pretrained backbone over a pruned vocabulary. */
export interface Backbone {
  config: LlamaConfig;
  weights: Record<string, StoredTensor>;
  /** the token embedding in float32, where `weights` has it otherwise */
  embedding?: StoredTensor;
  /** pruned ids before the features: what begins a text, and of a model of conversations all up to the user's turn */
  head: readonly number[];
}

/** Weights over the whole vocabulary; q and k for the half-split rotation, as transformers has them. */
export interface Pretrained {
  config: LlamaConfig;
  weights: Record<string, WeightTensor>;
}

export interface BackboneDefinition {
  /** as manifests say it */
  name: string;
  /** what it is, in a line */
  about: string;
  /** `__filename` of where it stands, whose code belongs to the identity of the runs that use it (src/parts/code.ts) */
  file: string;
  /**
   * its sizes as facts, so that a run can be planned before the weights are there; those of the weights must agree
   * (test/train/runNeeds.test.ts)
   */
  config: LlamaConfig;
  /** ids that stand before the features, where a conversation begins with more than one token */
  headTokens?: number;
  /** name of the data manifest of its weights and tokenizer */
  source: string;
  /**
   * Weights over the whole vocabulary. Fetches on first use. Throws UserError for files that are not what they should
   * be.
   */
  load(): Promise<Pretrained>;
  /**
   * The tokenizer that the weights were trained with, and the token that ends an answer. Fetches and throws as `load`.
   */
  tokenizer(): Promise<Tokenizer>;
}
