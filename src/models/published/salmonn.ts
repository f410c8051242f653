/**
 * SALMONN (Tang et al. 2024) without its BEATs branch: log-mel -> Whisper's encoder -> window-level Q-Former, one query
 * for each window of frames -> linear projection -> Vicuna; the audio tokens stand before the text.
 */
import { decoderOf } from '../parts/decoder';
import { attentionSizes, limits, type Fields } from '../checkpoint/config';
import { classes, kindOf } from '../checkpoint/kind';
import { layerRows, prefixed, type NameRow } from '../checkpoint/names';
import { activationOf } from '../parts/activation';
import { dense, linearParameters, norm, normParameters } from '../parts/part';
import { qformerNames, qformerOptions, qformerParameters, windowQformer } from '../parts/qformer';
import { whisperBlock, whisperEncoder, whisperParameters, type WhisperOptions } from '../parts/whisperEncoder';
import { stems, type Family } from './family';

/** Its second encoder, which is published as pickled Python objects alone. */
const beats = "BEATs, SALMONN's encoder of sounds that are no speech, which is not computed here";

/** Of the norm after Whisper: PyTorch's default, as within it. */
const epsilon = 1e-5;

export function salmonn(fields: Fields, tied: boolean): Family {
  if ((fields.raw('beats') ?? null) !== null)
    fields.bad('beats', `SALMONN without ${beats}; the encoder whisper-base-aisfx has the form with two encoders`);
  const speech = fields.inner('whisper'),
    qformerFields = fields.inner('qformer');
  kindOf(speech, { whisper: classes('Whisper') }, 'whisper');
  kindOf(qformerFields, { blip_2_qformer: classes('Blip2', 'Blip2QFormer') }, 'blip_2_qformer');
  const whisper = whisperOptions(speech);
  const window = fields.whole('window_frames', 17, limits.positions);
  if (window > whisper.positions) fields.bad('window_frames', `at most ${whisper.positions} frames`);
  const queries = qformerOptions(
    qformerFields,
    whisper.block.width,
    fields.whole('num_query_tokens', 1, limits.positions),
  );
  const decoder = decoderOf(fields.inner('llama'), tied, 'llama');
  return {
    kind: 'salmonn',
    input: { name: 'input_features', shape: [whisper.bands, 2 * whisper.positions] },
    towerFeatures: { rows: whisper.positions, width: whisper.block.width },
    featureTokens: Math.floor(whisper.positions / window) * queries.queries,
    placeholder: null,
    decoder,
    stems,
    parameters: {
      tower: whisperParameters(whisper),
      connector: [
        ...normParameters('framesNorm', whisper.block.width),
        ...qformerParameters(queries),
        ...linearParameters('output', decoder.width, queries.width),
      ],
      backbone: decoder.parameters,
    },
    table: {
      rows: [
        ...prefixed('tower.', 'speech_encoder.', whisperNames),
        ['connector.framesNorm', 'ln_speech'],
        ...prefixed('connector.', '', qformerNames('speech_qformer', 'speech_query_tokens')),
        ['connector.output', 'speech_llama_proj'],
        ...prefixed('backbone.', '', decoder.names('llama_model.model', 'llama_model.lm_head')),
      ],
      ignored: [/\.rotary_emb\.inv_freq$/],
      refused: [[/^(?:beats|ln_audio)\./, beats]],
    },
    tower: (part, mel) => whisperEncoder(part, mel, whisper),
    connector: (part, frames) =>
      dense(part, windowQformer(part, norm(part, frames, 'framesNorm', epsilon), window, queries), 'output'),
    // As published: Whisper frozen, Q-Former and projection trained, LoRA 8 / 32 on queries and values.
    tuning: {
      tower: { kind: 'frozen' },
      connector: { kind: 'full' },
      backbone: { kind: 'lora', rank: 8, alpha: 32, targets: decoder.adapted.includes('qkv') ? ['qkv'] : ['q', 'v'] },
    },
  };
}

/** Options from a `WhisperConfig`, with its published defaults. */
function whisperOptions(fields: Fields): WhisperOptions {
  const names = { width: 'd_model', heads: 'encoder_attention_heads' };
  const { width, heads } = attentionSizes(fields, { width: 384, heads: 6 }, names);
  return {
    bands: fields.whole('num_mel_bins', 80, limits.width),
    positions: fields.whole('max_source_positions', 1500, limits.positions),
    layers: fields.whole('encoder_layers', 4, limits.layers),
    lastNorm: true,
    block: {
      ...whisperBlock({ width, heads, hidden: fields.whole('encoder_ffn_dim', 1536, limits.hidden) }),
      activation: activationOf(fields, 'activation_function', 'gelu'),
    },
  };
}

const whisperNames: NameRow[] = [
  ['conv1', 'conv1'],
  ['conv2', 'conv2'],
  ['positions', 'embed_positions'],
  ['norm', 'layer_norm'],
  ...layerRows('layers', 'layers', [
    ['attentionNorm', 'self_attn_layer_norm'],
    ['q', 'self_attn.q_proj'],
    ['k', 'self_attn.k_proj'],
    ['v', 'self_attn.v_proj'],
    ['o', 'self_attn.out_proj'],
    ['feedForwardNorm', 'final_layer_norm'],
    ['up', 'fc1'],
    ['down', 'fc2'],
  ]),
];
