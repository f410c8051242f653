/** What the zoo's backbones have in common. */
import type { LlamaConfig } from '../../parts/llama';
import type { WeightTensor } from '../../weight';

/** A pretrained backbone over a pruned vocabulary. */
export interface Backbone {
  config: LlamaConfig;
  weights: Record<string, WeightTensor>;
  /** pruned id that begins a text and ends an answer */
  beginToken: number;
}

/** Weights over the whole vocabulary; q and k for the half-split rotation, as transformers has them. */
export type Pretrained = Pick<Backbone, 'config' | 'weights'>;
