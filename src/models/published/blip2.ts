/**
 * BLIP-2 (Li et al. 2023): image -> ViT-g -> Q-Former, whose learned queries look at the image in every other layer ->
 * linear projection -> OPT.
 */
import { decoderOf } from '../parts/decoder';
import { limits, type Fields } from '../checkpoint/config';
import { classes, kindOf } from '../checkpoint/kind';
import { prefixed } from '../checkpoint/names';
import { dense, linearParameters } from '../parts/part';
import { qformer, qformerNames, qformerOptions, qformerParameters } from '../parts/qformer';
import { gridSide, vitParameters, vitStates } from '../parts/vit';
import { stems, type Family } from './family';
import { placeholderOf } from './placeholder';
import { blip2Vit, blip2VitNames } from './vision';

export function blip2(fields: Fields, tied: boolean): Family {
  const vision = fields.inner('vision_config'),
    qformerFields = fields.inner('qformer_config');
  kindOf(vision, { blip_2_vision_model: classes('Blip2', 'Blip2Vision') }, 'blip_2_vision_model');
  kindOf(qformerFields, { blip_2_qformer: classes('Blip2', 'Blip2QFormer') }, 'blip_2_qformer');
  const vit = blip2Vit(vision);
  const queries = qformerOptions(
    qformerFields,
    vit.block.width,
    fields.whole('num_query_tokens', 32, limits.positions),
  );
  const decoder = decoderOf(fields.inner('text_config'), tied, 'opt');
  return {
    kind: 'blip2',
    input: { name: 'pixel_values', shape: [vit.channels, vit.image, vit.image] },
    towerFeatures: { rows: gridSide(vit) ** 2 + 1, width: vit.block.width },
    featureTokens: queries.queries,
    placeholder: placeholderOf(fields, ['image_token_index', 'image_token_id'], null),
    decoder,
    stems,
    parameters: {
      tower: vitParameters(vit),
      connector: [...qformerParameters(queries), ...linearParameters('output', decoder.width, queries.width)],
      backbone: decoder.parameters,
    },
    table: {
      rows: [
        ...prefixed('tower.', 'vision_model.', blip2VitNames),
        ...prefixed('connector.', '', qformerNames('qformer', 'query_tokens')),
        ['connector.output', 'language_projection'],
        ...prefixed('backbone.', '', decoder.names('language_model.model', 'language_model.lm_head')),
      ],
      ignored: [/\.position_ids$/, /\.rotary_emb\.inv_freq$/],
    },
    tower: (part, pixels) => vitStates(part, pixels, vit).at(-1)!,
    connector: (part, x) => dense(part, qformer(part, x, queries), 'output'),
    // The tower is frozen and the Q-Former trained, as published; the paper froze OPT, instruction tuning adapts it
    // (chosen: rank 16, alpha 32).
    tuning: {
      tower: { kind: 'frozen' },
      connector: { kind: 'full' },
      backbone: { kind: 'lora', rank: 16, alpha: 32, targets: ['q', 'v'] },
    },
  };
}
