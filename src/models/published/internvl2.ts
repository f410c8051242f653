/**
 * InternVL2 (Chen et al. 2024): image tiles -> InternViT -> pixel shuffle, four patches to one token -> norm and
 * two-layer perceptron -> Qwen2 or InternLM2. Two published layouts: transformers' own (`internvl`) and OpenGVLab's
 * (`internvl_chat`).
 */
import { decoderClasses, decoderOf, type DecoderKind } from '../parts/decoder';
import type { Fields } from '../checkpoint/config';
import { classes, kindByClass, kindOf } from '../checkpoint/kind';
import { prefixed, type NameTable } from '../checkpoint/names';
import { gelu } from '../../tensor/ops';
import { activationOf, type Activation } from '../parts/activation';
import { norm, normParameters } from '../parts/part';
import { perceptron, perceptronParameters } from '../parts/perceptron';
import { pixelShuffle } from '../parts/pixelShuffle';
import { selectStates } from '../parts/select';
import { gridSide, vitParameters, vitStates } from '../parts/vit';
import { stems, type Family } from './family';
import { nestedSpellings } from './llava';
import { placeholderOf } from './placeholder';
import { internVit, internVitChat, internVitChatNames, internVitNames, selectedRows, selection } from './vision';

/** Epsilon of the projector's norm: PyTorch's default, in both layouts. */
const epsilon = 1e-5;

export function internvl2(fields: Fields, tied: boolean): Family {
  const chat = fields.text('model_type', 'internvl') === 'internvl_chat';
  const vision = fields.inner('vision_config');
  if (chat) kindOf(vision, { intern_vit_6b: classes('InternVision') }, 'intern_vit_6b');
  else kindOf(vision, { internvl_vision: classes('InternVLVision') }, 'internvl_vision');
  const { vit, selection: seen } = chat
    ? selection(fields, internVitChat(vision), -1, { layer: 'select_layer', strategy: null })
    : selection(fields, internVit(vision), -1);
  // InternVLChatConfig's own default is the older order of the shuffle.
  if (chat && fields.text('ps_version', 'v1') !== 'v2') fields.bad('ps_version', 'v2');
  if (!seen.patchesOnly || seen.states.length !== 1)
    fields.bad('vision_feature_layer', 'one layer, without the class token');
  const language = fields.inner(chat ? 'llm_config' : 'text_config');
  const decoder = decoderOf(language, tied, chat ? chatLanguage(language) : 'qwen2');
  const factor = Math.round(1 / fields.positive('downsample_ratio', 0.5)),
    side = gridSide(vit);
  if (Math.abs(factor * fields.positive('downsample_ratio', 0.5) - 1) > 1e-9 || side % factor !== 0)
    fields.bad('downsample_ratio', `one over a whole number that divides a side of ${side} patches`);
  const joined = vit.block.width * factor * factor;
  const activation: Activation = chat ? gelu : activationOf(fields, 'projector_hidden_act', 'gelu');
  const table = chat
    ? chatTable(
        decoder.names(
          'language_model.model',
          decoder.kind === 'internlm2' ? 'language_model.output' : 'language_model.lm_head',
        ),
      )
    : plainTable(decoder.names('model.language_model', 'lm_head'));
  return {
    kind: 'internvl2',
    input: { name: 'pixel_values', shape: [vit.channels, vit.image, vit.image] },
    towerFeatures: { rows: selectedRows(vit, seen), width: vit.block.width },
    featureTokens: Math.floor(side / factor) ** 2,
    // OpenGVLab's configuration says whether it has a thumbnail, that of transformers always has one.
    tiles: { thumbnail: !chat || fields.raw('use_thumbnail') === true },
    // OpenGVLab's configuration leaves the id of <IMG_CONTEXT> to the tokenizer.
    placeholder: placeholderOf(fields, ['image_token_id', 'img_context_token_id'], chat ? null : 151_667),
    decoder,
    stems,
    parameters: {
      tower: vitParameters(vit),
      connector: [...normParameters('norm', joined), ...perceptronParameters(joined, decoder.width, decoder.width)],
      backbone: decoder.parameters,
    },
    table,
    tower: (part, pixels) => selectStates(vitStates(part, pixels, vit), seen),
    connector: (part, x) => perceptron(part, norm(part, pixelShuffle(x, side, factor), 'norm', epsilon), activation),
    // LoRA 16 / 32 on all linear layers of the language model, as in the published fine-tuning scripts; those freeze
    // the projector, too (chosen: trained).
    tuning: {
      tower: { kind: 'frozen' },
      connector: { kind: 'full' },
      backbone: { kind: 'lora', rank: 16, alpha: 32, targets: decoder.adapted },
    },
  };
}

/** InternVLChatConfig goes by the class of its language model; where it names none either, there is nothing to go by. */
function chatLanguage(fields: Fields): DecoderKind {
  const named = kindByClass(fields, decoderClasses);
  if (named === undefined && (fields.raw('model_type') ?? null) === null)
    fields.bad('model_type', 'the kind of language model, or its class in architectures');
  return named ?? 'internlm2';
}

const plainTable = (backbone: NameTable['rows']): NameTable => ({
  rows: [
    ...prefixed('tower.', 'model.vision_tower.', internVitNames),
    ['connector.norm', 'model.multi_modal_projector.layer_norm'],
    ['connector.hidden', 'model.multi_modal_projector.linear_1'],
    ['connector.output', 'model.multi_modal_projector.linear_2'],
    ...prefixed('backbone.', '', backbone),
  ],
  renamed: nestedSpellings ?? [],
  ignored: [/\.rotary_emb\.inv_freq$/],
});

const chatTable = (backbone: NameTable['rows']): NameTable => ({
  rows: [
    ...prefixed('tower.', 'vision_model.', internVitChatNames),
    ['connector.norm', 'mlp1.0'],
    ['connector.hidden', 'mlp1.1'],
    ['connector.output', 'mlp1.3'],
    ...prefixed('backbone.', '', backbone),
  ],
  ignored: [/\.rotary_emb\.inv_freq$/],
});
