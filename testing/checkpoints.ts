/**
 * Whole checkpoints in the published layouts, small and with random weights: configuration, tokenizer, processor,
 * safetensors.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { theirName } from '../src/models/checkpoint/names';
import { familyOf } from '../src/models/published';
import { parametersOf } from '../src/models/composition';
import { writeSafetensors } from '../src/models/weights/safetensors';
import { random } from '../src/random';
import { picture, put, type Colour } from './releases';
import { sineWav } from './sounds';

type Json = Record<string, unknown>;

const text = {
  hidden_size: 24,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  initializer_range: 0.02,
};
const vision = {
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  image_size: 16,
  patch_size: 4,
};

/** By the name of a processor's fixture: sizes laid over its config.json and its preprocessor_config.json. */
const small: Readonly<Record<string, { config: Record<string, Json | number>; processor: Json }>> = {
  'llava-1.5': {
    config: { vision_config: vision, text_config: text },
    processor: { size: { shortest_edge: 16 }, crop_size: { height: 16, width: 16 } },
  },
  blip2: {
    config: {
      vision_config: vision,
      num_query_tokens: 3,
      qformer_config: {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        encoder_hidden_size: 16,
        cross_attention_frequency: 2,
      },
      text_config: {
        hidden_size: 24,
        word_embed_proj_dim: 24,
        ffn_dim: 32,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        max_position_embeddings: 512,
      },
    },
    processor: { size: { height: 16, width: 16 } },
  },
  internvl: {
    config: { vision_config: { ...vision, image_size: [16, 16], patch_size: [4, 4] }, text_config: text },
    processor: { size: { height: 16, width: 16 } },
  },
  'internvl2-chat': {
    config: { force_image_size: 16, vision_config: vision, llm_config: text },
    processor: { size: 16, crop_size: 16 },
  },
  salmonn: {
    config: {
      whisper: {
        d_model: 16,
        encoder_attention_heads: 2,
        encoder_layers: 2,
        encoder_ffn_dim: 24,
        max_source_positions: 50,
      },
      qformer: {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        encoder_hidden_size: 16,
      },
      llama: text,
    },
    processor: { chunk_length: 1, n_samples: 16_000, nb_max_frames: 100 },
  },
};

export const checkpointKinds: readonly string[] = Object.keys(small);

const fixtures = join(__dirname, '..', 'test', 'fixtures', 'processors');
const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;
const laidOver = (value: Json, over: Json): Json => ({
  ...value,
  ...Object.fromEntries(
    Object.entries(over).map(([key, inner]) => [
      key,
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? laidOver((value[key] ?? {}) as Json, inner as Json)
        : inner,
    ]),
  ),
});

/** Writes a whole checkpoint into `folder` and returns the folder. `seed`: of its weights. */
export function writeCheckpoint(folder: string, kind: string, seed = 1): string {
  const { config: sizes, processor } = small[kind]!;
  mkdirSync(folder, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(fixtures, kind, name), join(folder, name));
  writeFileSync(
    join(folder, 'preprocessor_config.json'),
    JSON.stringify({ ...readJson(join(fixtures, kind, 'preprocessor_config.json')), ...processor }),
  );
  const config = laidOver(readJson(join(fixtures, kind, 'config.json')), sizes);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const family = familyOf(config, 'config.json');
  writeFileSync(
    join(folder, 'model.safetensors'),
    writeSafetensors(
      Object.fromEntries(
        parametersOf(family).map(({ name, shape }) => {
          const { normal } = random(seed, name);
          const isGain = shape.length === 1 && !name.endsWith('.bias');
          const published = theirName(family.table, name);
          return [
            published,
            {
              shape: published.endsWith('query_tokens') ? [1, ...shape] : shape,
              data: Float32Array.from(
                { length: shape.reduce((a, b) => a * b, 1) },
                () => (isGain ? 1 : 0) + 0.15 * normal(),
              ),
            },
          ];
        }),
      ),
    ),
  );
  return folder;
}

const names = ['red', 'green', 'light blue'];
const colours: readonly Colour[] = [
  [220, 40, 40],
  [40, 200, 40],
  [40, 40, 220],
];
const tones: readonly number[] = [300, 900, 2500];

/** What a checkpoint of a kind is asked about. */
export const taskFor = (kind: string): 'colours' | 'tones' => (kind === 'salmonn' ? 'tones' : 'colours');

/**
 * Writes the tasks `colours` (pictures) and `tones` (sounds of a second) into `folder`: three classes, 24 questions to
 * train on, 6 and 6 others.
 */
export async function writeTasks(folder: string): Promise<void> {
  for (const task of ['colours', 'tones'] as const) {
    const key = task === 'colours' ? 'image' : 'audio';
    const file = (i: number) => `${task}-${i}.${key === 'image' ? 'png' : 'wav'}`;
    put(
      folder,
      `${task}.json`,
      JSON.stringify({
        name: task,
        about: task,
        modality: key,
        format: 'jsonl',
        questions: [{ file: `${task}.jsonl` }],
        media: [task],
        license: 'CC0-1.0',
        citeAs: 'Made here.',
        ...(key === 'audio' ? { seconds: 1 } : {}),
      }),
    );
    put(
      folder,
      `${task}.jsonl`,
      Array.from({ length: 36 }, (_, i) =>
        JSON.stringify({
          [key]: file(i),
          question: 'Which one?',
          answers: [names[i % 3]],
          choices: names,
          split: i < 24 ? 'train' : i < 30 ? 'validation' : 'evaluation',
        }),
      ).join('\n'),
    );
    for (let i = 0; i < 36; i++)
      put(
        join(folder, task),
        file(i),
        key === 'image'
          ? await picture(colours[i % 3]!, { format: 'png' })
          : sineWav(tones[i % 3]!, { rate: 16_000, seconds: 1 }),
      );
  }
}
