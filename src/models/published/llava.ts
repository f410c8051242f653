/**
 * LLaVA-1.5 (Liu et al. 2023b): image -> CLIP ViT-L/336, its last but one layer -> two-layer perceptron -> Vicuna.
 */
import { activationOf } from '../parts/activation';
import { decoderOf } from '../parts/decoder';
import type { Fields } from '../checkpoint/config';
import { classes, kindOf } from '../checkpoint/kind';
import { prefixed, type NameTable } from '../checkpoint/names';
import { perceptron, perceptronParameters } from '../parts/perceptron';
import { selectStates } from '../parts/select';
import { vitParameters, vitStates } from '../parts/vit';
import { stems, type Family } from './family';
import { placeholderOf } from './placeholder';
import { clipVit, clipVitNames, selectedRows, selection } from './vision';

/** Older checkpoints spell the modules as they were nested before transformers 4.52 and 5. */
export const nestedSpellings: NameTable['renamed'] = [
  [/^language_model\.model\./, 'model.language_model.'],
  [/^language_model\.lm_head\./, 'lm_head.'],
  [/^(vision_tower|multi_modal_projector)\./, 'model.$1.'],
  [/^model\.vision_tower\.vision_model\./, 'model.vision_tower.'],
];

export function llava(fields: Fields, tied: boolean): Family {
  const vision = fields.inner('vision_config');
  kindOf(vision, { clip_vision_model: classes('CLIP', 'CLIPVision') }, 'clip_vision_model');
  const { vit, selection: seen } = selection(fields, clipVit(vision), -2);
  const decoder = decoderOf(fields.inner('text_config'), tied, 'llama');
  const activation = activationOf(fields, 'projector_hidden_act', 'gelu');
  const bias = fields.flag('multimodal_projector_bias', true);
  const features = vit.block.width * seen.states.length;
  return {
    kind: 'llava',
    input: { name: 'pixel_values', shape: [vit.channels, vit.image, vit.image] },
    towerFeatures: { rows: selectedRows(vit, seen), width: features },
    featureTokens: selectedRows(vit, seen),
    placeholder: placeholderOf(fields, ['image_token_index', 'image_token_id'], 32_000),
    decoder,
    stems,
    parameters: {
      tower: vitParameters(vit),
      connector: perceptronParameters(features, decoder.width, decoder.width, bias),
      backbone: decoder.parameters,
    },
    table: {
      rows: [
        ...prefixed('tower.', 'model.vision_tower.', clipVitNames),
        ['connector.hidden', 'model.multi_modal_projector.linear_1'],
        ['connector.output', 'model.multi_modal_projector.linear_2'],
        ...prefixed('backbone.', '', decoder.names('model.language_model', 'lm_head')),
      ],
      renamed: nestedSpellings ?? [],
      ignored: [/\.position_ids$/, /\.rotary_emb\.inv_freq$/],
    },
    tower: (part, pixels) => selectStates(vitStates(part, pixels, vit), seen),
    connector: (part, x) => perceptron(part, x, activation),
    // As published: tower frozen, projector trained, LoRA 128 / 256 on all linear layers of the language model
    // (finetune_lora.sh).
    tuning: {
      tower: { kind: 'frozen' },
      connector: { kind: 'full' },
      backbone: { kind: 'lora', rank: 128, alpha: 256, targets: decoder.adapted },
    },
  };
}
