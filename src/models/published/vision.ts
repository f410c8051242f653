/** Vision towers of the families from their published configurations, and the names of their tensors. */
import { attentionSizes, limits, type Fields } from '../checkpoint/config';
import { layerRows, type NameRow } from '../checkpoint/names';
import { activationOf } from '../parts/activation';
import { plainBlock } from '../parts/encoderBlock';
import type { NormKind } from '../parts/part';
import { gridSide, type VitOptions } from '../parts/vit';

interface Defaults {
  width: number;
  hidden: number;
  layers: number;
  heads: number;
  image: number;
  patch: number;
  /** absent where the published class has no such field: three */
  channels?: number;
  activation: string;
  epsilon: number;
}

/** What every vision configuration states; `blocks` are all of them until a family says which one is looked at. */
function commonOptions(fields: Fields, missing: Defaults): VitOptions {
  const { width, heads } = attentionSizes(fields, missing);
  const layers = fields.whole('num_hidden_layers', missing.layers, limits.layers);
  const image = fields.side('image_size', missing.image),
    patch = fields.side('patch_size', missing.patch);
  if (patch > image) fields.bad('patch_size', `at most image_size ${image}`);
  return {
    image,
    patch,
    channels: missing.channels === undefined ? 3 : fields.whole('num_channels', missing.channels, limits.width),
    layers,
    used: layers,
    block: {
      width,
      heads,
      hidden: fields.whole('intermediate_size', missing.hidden, limits.hidden),
      epsilon: fields.positive('layer_norm_eps', missing.epsilon),
      activation: activationOf(fields, 'hidden_act', missing.activation),
      ...plainBlock,
    },
    patchBias: true,
    preNorm: false,
    postNorm: 'none',
    positions: true,
    maskToken: false,
  };
}

/** ViT-g of BLIP-2 (`Blip2VisionConfig`): one matrix for queries, keys and values, a norm at the end. */
export function blip2Vit(fields: Fields): VitOptions {
  const common = commonOptions(fields, {
    width: 1408,
    hidden: 6144,
    layers: 39,
    heads: 16,
    image: 224,
    patch: 14,
    activation: 'gelu',
    epsilon: 1e-6,
  });
  return {
    ...common,
    postNorm: 'applied',
    block: { ...common.block, fused: true, bias: fields.flag('qkv_bias', true) },
  };
}

/** CLIP's tower (`CLIPVisionConfig`): a norm before the blocks; the one after them is for its own head only. */
export function clipVit(fields: Fields): VitOptions {
  const common = commonOptions(fields, {
    width: 768,
    hidden: 3072,
    layers: 12,
    heads: 12,
    image: 224,
    patch: 32,
    channels: 3,
    activation: 'quick_gelu',
    epsilon: 1e-5,
  });
  return { ...common, patchBias: false, preNorm: true, postNorm: 'unused' };
}

/** InternViT as transformers has it (`InternVLVisionConfig`). */
export function internVit(fields: Fields): VitOptions {
  const common = commonOptions(fields, {
    width: 1024,
    hidden: 4096,
    layers: 24,
    heads: 16,
    image: 448,
    patch: 14,
    channels: 3,
    activation: 'gelu',
    epsilon: 1e-6,
  });
  return {
    ...common,
    positions: fields.flag('use_absolute_position_embeddings', true),
    maskToken: fields.flag('use_mask_token', false),
    postNorm: fields.flag('use_mean_pooling', true) ? 'none' : 'applied',
    block: {
      ...common.block,
      norm: normKind(fields, 'layer_norm'),
      bias: fields.flag('attention_bias', false),
      queryKeyNorm: fields.flag('use_qk_norm', false),
      layerScale: true,
    },
  };
}

/** InternViT as OpenGVLab published it (`InternVisionConfig` of the InternVL2 checkpoints). */
export function internVitChat(fields: Fields): VitOptions {
  const common = commonOptions(fields, {
    width: 3200,
    hidden: 12_800,
    layers: 48,
    heads: 25,
    image: 224,
    patch: 14,
    channels: 3,
    activation: 'gelu',
    epsilon: 1e-6,
  });
  return {
    ...common,
    block: {
      ...common.block,
      norm: normKind(fields, 'rms_norm'),
      fused: true,
      bias: fields.flag('qkv_bias', false),
      queryKeyNorm: fields.flag('qk_normalization', true),
      layerScale: true,
    },
  };
}

function normKind(fields: Fields, missing: string): NormKind {
  const kind = fields.text('norm_type', missing);
  if (kind !== 'layer_norm' && kind !== 'rms_norm') fields.bad('norm_type', 'layer_norm or rms_norm');
  return kind === 'rms_norm' ? 'rms' : 'layer';
}

/** Which states of a tower the connector sees. */
export interface Selection {
  /** indices into the states of `vitStates`; several are joined along their width */
  states: number[];
  /** the class token is left out */
  patchesOnly: boolean;
}

/**
 * Reads `vision_feature_layer` (a state, from the end when negative; or several) and `vision_feature_select_strategy`,
 * and leaves out the blocks after the last state that is looked at.
 */
export function selection(
  fields: Fields,
  vit: VitOptions,
  missingLayer: number,
  names: { layer: string; strategy: string | null } = {
    layer: 'vision_feature_layer',
    strategy: 'vision_feature_select_strategy',
  },
): { selection: Selection; vit: VitOptions } {
  const stated = fields.any(names.layer, missingLayer);
  const layers = Array.isArray(stated) ? (stated as unknown[]) : [stated];
  const states = layers.map((layer) => (typeof layer === 'number' && layer < 0 ? vit.layers + 1 + layer : layer));
  const valid =
    states.length > 0 &&
    states.length <= limits.layers &&
    states.every(
      (state): state is number =>
        Number.isSafeInteger(state) && (state as number) >= 0 && (state as number) <= vit.layers,
    );
  if (!valid)
    fields.bad(
      names.layer,
      `the state before a block or after the last: 0 to ${vit.layers}, or -1 to -${vit.layers + 1}`,
    );
  const strategy = names.strategy === null ? 'default' : fields.text(names.strategy, 'default');
  if (names.strategy !== null && strategy !== 'default' && strategy !== 'full')
    fields.bad(names.strategy, 'default or full');
  const chosen = valid ? states : [vit.layers];
  const used = Math.max(...chosen);
  // A norm after the last block belongs to the last state only.
  return {
    selection: { states: chosen, patchesOnly: strategy === 'default' },
    vit: {
      ...vit,
      used,
      classUnused: used === 0 && strategy === 'default',
      postNorm: vit.postNorm === 'applied' && used < vit.layers ? 'unused' : vit.postNorm,
    },
  };
}

/** Rows of a selection: patches, and the class token when it is kept. */
export const selectedRows = (vit: VitOptions, { patchesOnly }: Selection): number =>
  gridSide(vit) ** 2 + (patchesOnly ? 0 : 1);

/** Names shared by BLIP-2 and CLIP. */
const openBlocks = [
  ['attentionNorm', 'layer_norm1'],
  ['feedForwardNorm', 'layer_norm2'],
  ['up', 'mlp.fc1'],
  ['down', 'mlp.fc2'],
] as const;

export const blip2VitNames: NameRow[] = [
  ['classToken', 'embeddings.class_embedding', 'bare'],
  ['positions', 'embeddings.position_embedding', 'bare'],
  ['patches', 'embeddings.patch_embedding'],
  ['postNorm', 'post_layernorm'],
  ...layerRows('blocks', 'encoder.layers', [...openBlocks, ['qkv', 'self_attn.qkv'], ['o', 'self_attn.projection']]),
];

export const clipVitNames: NameRow[] = [
  ['classToken', 'embeddings.class_embedding', 'bare'],
  ['positions', 'embeddings.position_embedding'],
  ['patches', 'embeddings.patch_embedding'],
  ['preNorm', 'pre_layrnorm'],
  ['postNorm', 'post_layernorm'], // `layrnorm` is how the published tensors are spelt
  ...layerRows('blocks', 'encoder.layers', [
    ...openBlocks,
    ['q', 'self_attn.q_proj'],
    ['k', 'self_attn.k_proj'],
    ['v', 'self_attn.v_proj'],
    ['o', 'self_attn.out_proj'],
  ]),
];

export const internVitNames: NameRow[] = [
  ['classToken', 'embeddings.cls_token', 'bare'],
  ['maskToken', 'embeddings.mask_token', 'bare'],
  ['positions', 'embeddings.position_embeddings', 'bare'],
  ['patches', 'embeddings.patch_embeddings.projection'],
  ['postNorm', 'layernorm'],
  ...layerRows('blocks', 'encoder.layer', [
    ['attentionNorm', 'layernorm_before'],
    ['feedForwardNorm', 'layernorm_after'],
    ['q', 'attention.q_proj'],
    ['k', 'attention.k_proj'],
    ['v', 'attention.v_proj'],
    ['o', 'attention.projection_layer'],
    ['queryNorm', 'attention.q_norm'],
    ['keyNorm', 'attention.k_norm'],
    ['attentionScale', 'lambda_1', 'bare'],
    ['feedForwardScale', 'lambda_2', 'bare'],
    ['up', 'mlp.fc1'],
    ['down', 'mlp.fc2'],
  ]),
];

export const internVitChatNames: NameRow[] = [
  ['classToken', 'embeddings.class_embedding', 'bare'],
  ['positions', 'embeddings.position_embedding', 'bare'],
  ['patches', 'embeddings.patch_embedding'],
  ...layerRows('blocks', 'encoder.layers', [
    ['attentionNorm', 'norm1'],
    ['feedForwardNorm', 'norm2'],
    ['qkv', 'attn.qkv'],
    ['o', 'attn.proj'],
    ['queryNorm', 'attn.q_norm'],
    ['keyNorm', 'attn.k_norm'],
    ['attentionScale', 'ls1', 'bare'],
    ['feedForwardScale', 'ls2', 'bare'],
    ['up', 'mlp.fc1'],
    ['down', 'mlp.fc2'],
  ]),
];
