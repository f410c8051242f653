/**
 * A multimodal model as programs know it, and as the paper sees it: a feature encoder S (tower and connector) and a
 * backbone X. Every trainable parameter belongs to exactly one of the two modules; the connector may belong to either.
 * build.ts makes one of a composition.
 */
import type { PerModule } from '../modules';
import type { ParameterSpec } from '../tensor/parameters';
import type { Tensor, Tensors } from '../tensor/tf';
import type { PartName } from './composition';
import type { Decoding } from './generation/decoding';
import type { StoredTensor } from './weights/weight';

/** What a pass through the encoder is given. */
export interface EncoderPass {
  /** trained parameters of the encoder's module, in their order */
  encoder: Tensor[];
  /** frozen weights by name */
  frozen: Tensors;
  /** [B, rows, width]: features, or the pixels or log-mel that a tower inside the step reads */
  features: Tensor;
}

/** What a pass through the backbone is given. */
export interface BackbonePass {
  /** trained parameters of the backbone's module, in their order */
  backbone: Tensor[];
  /** frozen weights by name */
  frozen: Tensors;
  /** what `MultimodalModel.prefix` gave */
  prefix: Tensor;
  /** int32 [B, T] */
  tokens: Tensor;
  /** int32 [N] into the flattened hidden states [B, S] */
  positions: Tensor;
}

export interface TrainedParameter extends ParameterSpec {
  part: PartName;
}

export interface FrozenWeight extends StoredTensor {
  part: PartName;
}

export interface MultimodalModel {
  /** trainable parameters of both modules, in the order of their flat vectors; those of a part stand together */
  trainable: PerModule<TrainedParameter[]>;
  /** weights that no step changes, by name */
  frozen: Record<string, FrozenWeight>;
  /**
   * what the backbone's module is given: the prefix [B, n, D], or the tower's features still, where the connector
   * belongs to the backbone
   */
  prefix(pass: EncoderPass): Tensor;
  /** the backbone's last hidden states at the positions [N, D] */
  hidden(pass: BackbonePass): Tensor;
  /** hidden states [n, D] -> logits of what follows [n, V] */
  words(pass: Pick<BackbonePass, 'backbone' | 'frozen'>, hidden: Tensor): Tensor;
}

/** A model that can continue a prompt token by token. */
export interface GenerativeModel extends MultimodalModel {
  decoding: Decoding;
}
