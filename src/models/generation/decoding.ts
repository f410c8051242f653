/**
 * What generation needs of a model, beside its encoder: how a prompt enters the language model, and the language model
 * itself.
 */
import type { Tensor, Tensors } from '../../tensor/tf';
import type { DecoderPasses } from '../parts/decoder';
import type { Part } from '../parts/part';

export interface Decoding {
  decoder: DecoderPasses;
  /** tokens that stand before the text: begin token and features, where these do not take the places of placeholders */
  before: number;
  /** trained and frozen tensors of the language model, adapters among them */
  part(backbone: Tensor[], frozen: Tensors): Part;
  /**
   * prefix [B, n, D] and text int32 [B, T], in which -1 - id is padding -> embeddings [B, before + T, D] and which
   * places count [B, before + T] (1 or 0)
   */
  prompt(backbone: Tensor[], frozen: Tensors, prefix: Tensor, tokens: Tensor): { embeddings: Tensor; counts: Tensor };
}
