/** Families: configurations, the partition of parameters, layouts of published checkpoints, tuning and adapters. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { llama, llamaLogits, llamaWeights, type LlamaConfig } from '../../src/models/parts/llama';
import { openCheckpoint } from '../../src/models/checkpoint/checkpoint';
import { familyOf, loadFamily } from '../../src/models/published';
import { mergedWeights, peftAdapter, trainedTensors } from '../../src/models/published/adapters';
import { moduleOf, parametersOf } from '../../src/models/composition';
import { familyModel } from '../../src/models/published/family';
import { matchesTarget, mergeLora } from '../../src/models/parts/lora';
import { writePeftAdapter } from '../../src/models/peft';
import { readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import type { WeightTensor } from '../../src/models/weights/weight';
import { sizeOf } from '../../src/tensor/shape';
import { random } from '../../src/random';
import { useBackend } from '../../src/tensor/backend';
import { initialVector } from '../../src/tensor/parameters';
import { tf, type Tensors } from '../../src/tensor/tf';
import { checkModel } from '../../src/train/checkModel';
import {
  copyOf,
  edit,
  largestDifference,
  openFamily,
  published,
  referenceFolder,
  variants,
} from '../../testing/families';
import { expectEvery, notEmpty } from '../../testing/lists';

beforeAll(async () => {
  await useBackend({ name: 'wasm', threads: 1 });
});

const configOf = (name: string) =>
  JSON.parse(readFileSync(join(referenceFolder(name), 'config.json'), 'utf8')) as Record<string, unknown>;
const noise = (shape: number[], purpose: string, deviation = 1): WeightTensor => {
  const source = random(5, purpose);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => deviation * source.normal()) };
};

describe('configurations', () => {
  it('loads the published configuration of LLaVA-1.5 7B, most of which are defaults', () => {
    const family = familyOf({
      model_type: 'llava',
      image_token_index: 32_000,
      vision_feature_layer: -2,
      vision_feature_select_strategy: 'default',
      projector_hidden_act: 'gelu',
      text_config: { model_type: 'llama', max_position_embeddings: 4096, rms_norm_eps: 1e-5, vocab_size: 32_064 },
      vision_config: {
        hidden_size: 1024,
        image_size: 336,
        intermediate_size: 4096,
        model_type: 'clip_vision_model',
        num_attention_heads: 16,
        num_hidden_layers: 24,
        patch_size: 14,
        projection_dim: 768,
        vocab_size: 32_000,
      },
    });
    // Known of the published checkpoint: 576 image tokens, 7.06 B parameters.
    expect(family.featureTokens).toBe(576);
    expect(parametersOf(family).reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(7_063_427_072);
  });

  it('collects all problems of a configuration', () => {
    const config = configOf('blip2-opt');
    Object.assign(config['text_config'] as object, {
      num_attention_heads: 5,
      activation_function: 'swigelu',
      vocab_size: -3,
    });
    Object.assign(config['vision_config'] as object, { image_size: [16, 24] });
    expect(() => familyOf(config)).toThrow(
      /vision_config\/image_size: \[16,24\].*\n.*text_config\/num_attention_heads: 5; expected a divisor of hidden_size 32\n.*vocab_size: -3.*\n.*activation_function: "swigelu"; expected gelu, /s,
    );
  });

  it.each([
    [{ model_type: 'mllama' }, /model_type: "mllama"; expected blip-2, llava, internvl/],
    [
      { model_type: 'llava', text_config: { model_type: 'gpt2' } },
      /text_config\/model_type: "gpt2"; expected internlm2, llama/,
    ],
    [{ model_type: 'llava', text_config: { rope_scaling: { type: 'yarn', factor: 4 } } }, /rope_scaling\/type: "yarn"/],
    [{ model_type: 'llava', vision_feature_layer: -99 }, /vision_feature_layer: -99/],
    [{ model_type: 'internvl', downsample_ratio: 0.3 }, /downsample_ratio: 0.3/],
    [
      { model_type: 'llava', text_config: { num_hidden_layers: 1e9 } },
      /num_hidden_layers: 1000000000; expected a whole number from 1 to 1024/,
    ],
  ])('refuses %j', (config, message) => {
    expect(() => familyOf(config)).toThrow(message);
  });
});

describe('the partition', () => {
  it.each([...published, ...variants])('%s: every tensor of the checkpoint belongs to one module', (name) => {
    const { family } = loadFamily(referenceFolder(name));
    const parameters = parametersOf(family);
    expect(new Set(parameters.map((parameter) => parameter.name)).size).toBe(parameters.length);
    const checkpoint = openCheckpoint(referenceFolder(name));
    checkpoint.close();
    expect(parameters).toHaveLength(checkpoint.tensors.size);
    for (const { part, name: full } of notEmpty(parameters)) expect(full.startsWith(`${part}.`)).toBe(true);
  });

  it('the connector changes sides by the option, the tower and the language model never', () => {
    expect(
      ['encoder', 'backbone'].map((side) =>
        (['tower', 'connector', 'backbone'] as const).map((part) => moduleOf(part, side as 'encoder')),
      ),
    ).toEqual([
      ['encoder', 'encoder', 'backbone'],
      ['encoder', 'backbone', 'backbone'],
    ]);
    const loaded = loadFamily(referenceFolder('blip2-opt'));
    const tuning = { tower: { kind: 'full' }, connector: { kind: 'full' }, backbone: { kind: 'full' } } as const;
    const names = (connectorSide: 'encoder' | 'backbone') =>
      familyModel(loaded, { tuning, connectorSide }).trainable.backbone.map(({ name }) => name);
    expectEvery(
      names('backbone').filter((name) => !names('encoder').includes(name)),
      (name) => name.startsWith('connector.'),
    );
    expect(names('backbone').length - names('encoder').length).toBe(loaded.family.parameters.connector.length);
  });

  it.each(['salmonn-whisper', 'llava-1.5'])('%s computes the same on either side, and trains there', async (name) => {
    const tuning = { tower: { kind: 'full' }, connector: { kind: 'full' }, backbone: { kind: 'full' } } as const;
    const [one, other] = [
      openFamily(referenceFolder(name), { tuning }),
      openFamily(referenceFolder(name), { tuning, connectorSide: 'backbone' }),
    ];
    expect(largestDifference(await one.logits(), await other.logits())).toBe(0);
    for (let step = 1; step <= 3; step++)
      expect(Math.abs((await one.step(step)) - (await other.step(step)))).toBeLessThan(1e-4);
    one.session.dispose();
    other.session.dispose();
  });
});

/** The plain InternVL2 reference in OpenGVLab's layout: names, fused matrices, configuration. */
function chatFolder(decoder: 'qwen2' | 'internlm2'): string {
  const folder = copyOf('internvl2');
  const { tensors } = readSafetensors(readFileSync(join(folder, 'model.safetensors')), 'reference');
  const chat: Record<string, WeightTensor> = {};
  const stack = (parts: WeightTensor[]): WeightTensor => ({
    shape: [parts.reduce((sum, part) => sum + part.shape[0]!, 0), ...parts[0]!.shape.slice(1)],
    data: Float32Array.from(parts.flatMap((part) => [...part.data])),
  });
  const heads = ({ shape, data }: WeightTensor): WeightTensor[] =>
    Array.from({ length: 4 }, (_, i) => ({
      shape: [shape[0]! / 4, ...shape.slice(1)],
      data: data.slice((i * data.length) / 4, ((i + 1) * data.length) / 4),
    }));
  const vision = {
    layernorm_before: 'norm1',
    layernorm_after: 'norm2',
    'attention.projection_layer': 'attn.proj',
    lambda_1: 'ls1',
    lambda_2: 'ls2',
  };
  const text = {
    input_layernorm: 'attention_norm',
    post_attention_layernorm: 'ffn_norm',
    'self_attn.o_proj': 'attention.wo',
    'mlp.gate_proj': 'feed_forward.w1',
    'mlp.up_proj': 'feed_forward.w3',
    'mlp.down_proj': 'feed_forward.w2',
  };
  for (const [name, tensor] of Object.entries(tensors)) {
    let theirs = name
      .replace('model.vision_tower.', 'vision_model.')
      .replace('embeddings.cls_token', 'embeddings.class_embedding')
      .replace('position_embeddings', 'position_embedding')
      .replace('patch_embeddings.projection', 'patch_embedding')
      .replace('encoder.layer.', 'encoder.layers.')
      .replace('model.multi_modal_projector.layer_norm', 'mlp1.0')
      .replace('model.multi_modal_projector.linear_1', 'mlp1.1')
      .replace('model.multi_modal_projector.linear_2', 'mlp1.3')
      .replace('model.language_model.', 'language_model.model.');
    for (const [from, to] of Object.entries(vision)) theirs = theirs.replace(from, to);
    const visionQ = /^(vision_model\..*)\.attention\.([qkv])_proj\.(weight|bias)$/.exec(theirs);
    const textQ = /^(language_model\..*)\.self_attn\.([qkv])_proj\.(weight|bias)$/.exec(theirs);
    if (visionQ !== null) {
      if (visionQ[2] === 'q')
        chat[`${visionQ[1]}.attn.qkv.${visionQ[3]}`] = stack(
          ['q', 'k', 'v'].map((part) => tensors[name.replace('q_proj', `${part}_proj`)]!),
        );
    } else if (textQ !== null && decoder === 'internlm2') {
      const [q, k, v] = ['q', 'k', 'v'].map((part) => heads(tensors[name.replace(/[qkv]_proj/, `${part}_proj`)]!)) as [
        WeightTensor[],
        WeightTensor[],
        WeightTensor[],
      ];
      chat[`${textQ[1]}.attention.wqkv.${textQ[3]}`] = stack(q.flatMap((head, i) => [head, k[i]!, v[i]!]));
    } else if (decoder === 'internlm2' && theirs.startsWith('language_model.')) {
      for (const [from, to] of Object.entries({ ...text, embed_tokens: 'tok_embeddings' }))
        theirs = theirs.replace(from, to);
      chat[theirs] = tensor;
      if (theirs.endsWith('.wo.weight'))
        chat[theirs.replace('weight', 'bias')] = { shape: [32], data: new Float32Array(32) };
    } else chat[theirs] = tensor;
  }
  const embedding = tensors['model.language_model.embed_tokens.weight']!;
  chat[decoder === 'internlm2' ? 'language_model.output.weight' : 'language_model.lm_head.weight'] = embedding;
  writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(chat));
  edit(folder, 'config.json', (config) => {
    Object.assign(config, {
      model_type: 'internvl_chat',
      ps_version: 'v2',
      select_layer: -1,
      img_context_token_id: config['image_token_id'],
      tie_word_embeddings: false,
      llm_config: { ...(config['text_config'] as object), model_type: decoder, bias: true, tie_word_embeddings: false },
    });
    Object.assign(config['vision_config'] as object, {
      model_type: 'intern_vit_6b',
      qkv_bias: true,
      qk_normalization: false,
    });
    delete config['text_config'];
  });
  return folder;
}

describe('layouts', () => {
  it.each(['qwen2', 'internlm2'] as const)(
    "OpenGVLab's layout with %s gives the same features and logits",
    async (decoder) => {
      const report = await checkModel(chatFolder(decoder));
      expect(report.features.absolute).toBeLessThan(1e-5);
      expect(report.logits.absolute).toBeLessThan(1e-5);
      // The head is a matrix of its own here and so trained apart: only the start of the trajectory agrees.
      expect(report.loss.absolute).toBeLessThan(1e-5);
    },
  );

  it("InternLM2's grouped matrix is queries, keys and values, group by group", () => {
    const plain: LlamaConfig = {
      width: 12,
      hiddenWidth: 8,
      layers: 1,
      heads: 6,
      keyValueHeads: 2,
      vocabulary: 9,
      context: 16,
      normEpsilon: 1e-6,
      ropeBase: 100,
      tied: true,
    };
    const weights = Object.fromEntries(llamaWeights(plain).map(({ name, shape }) => [name, noise(shape, name)]));
    const rows = (name: string, from: number, count: number) => [
      ...weights[`layers.0.${name}`]!.data.subarray(from * 12, (from + count) * 12),
    ];
    const fusedRows = [0, 1].flatMap((group) => [
      ...rows('q', group * 6, 6),
      ...rows('k', group * 2, 2),
      ...rows('v', group * 2, 2),
    ]);
    const tensors = (extra: Record<string, WeightTensor>): Tensors =>
      Object.fromEntries(
        Object.entries({ ...weights, ...extra }).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
      );
    const input = tf.tensor(noise([1, 5, 12], 'input').data, [1, 5, 12]);
    const run = (config: LlamaConfig, all: Tensors) =>
      llamaLogits(config, all, tf.reshape(llama(config, { tensors: all }, input), [5, 12])).dataSync() as Float32Array;
    const fused: LlamaConfig = { ...plain, variant: { fused: true } };
    expect(llamaWeights(fused).find(({ name }) => name === 'layers.0.qkv')!.shape).toEqual([20, 12]);
    expect(
      largestDifference(
        run(plain, tensors({})),
        run(fused, tensors({ 'layers.0.qkv': { shape: [20, 12], data: Float32Array.from(fusedRows) } })),
      ),
    ).toBeLessThan(1e-5);
  });

  it('reads the older spelling of LLaVA checkpoints, in shards', async () => {
    const folder = copyOf('llava-1.5');
    const { tensors } = readSafetensors(readFileSync(join(folder, 'model.safetensors')), 'reference');
    rmSync(join(folder, 'model.safetensors'));
    const old = (name: string) =>
      name
        .replace('model.vision_tower.', 'vision_tower.vision_model.')
        .replace('model.multi_modal', 'multi_modal')
        .replace('model.language_model.', 'language_model.model.')
        .replace(/^lm_head/, 'language_model.lm_head');
    const names = Object.keys(tensors).map((name) => [old(name), tensors[name]!] as const);
    const map: Record<string, string> = {};
    ['one', 'two'].forEach((shard, which) => {
      const mine = names.filter((_, i) => i % 2 === which);
      mine.forEach(([name]) => (map[name] = `model-${shard}.safetensors`));
      writeFileSync(join(folder, `model-${shard}.safetensors`), writeSafetensors(Object.fromEntries(mine)));
    });
    writeFileSync(
      join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }),
    );
    expect((await checkModel(folder)).failures).toEqual([]);
  });
});

describe('tuning', () => {
  const loras = {
    tower: { kind: 'lora', rank: 2, alpha: 6 },
    connector: { kind: 'lora', rank: 3, alpha: 3 },
    backbone: { kind: 'lora', rank: 2, alpha: 4 },
  } as const;

  it.each([...published, ...variants])('%s: LoRA with a zero B leaves logits as they are', async (name) => {
    const adapted = openFamily(referenceFolder(name), { tuning: loras });
    const plain = openFamily(referenceFolder(name), {
      tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone: { kind: 'frozen' } },
    });
    expect(largestDifference(await adapted.logits(), await plain.logits())).toBe(0);
    expect(adapted.setting.model.trainable.encoder.length).toBeGreaterThan(0);
    expect(plain.setting.model.trainable.backbone).toEqual([]);
    adapted.session.dispose();
    plain.session.dispose();
  });

  it.each(published)(
    '%s: as published, a step trains connector and adapters; merged weights compute the same',
    async (name) => {
      const open = openFamily(referenceFolder(name));
      const { model } = open.setting;
      expectEvery(model.trainable.encoder, (parameter) => parameter.name.startsWith('connector.'));
      expectEvery(model.trainable.backbone, (parameter) => /\.lora_[AB]$/.test(parameter.name));
      const losses = [];
      for (let step = 1; step <= 4; step++) losses.push(await open.step(step));
      expect(losses[3]).toBeLessThan(losses[0]! - 0.2);
      const trained = trainedTensors(model, {
        encoder: await open.session.read('encoder/theta'),
        backbone: await open.session.read('backbone/theta'),
      });
      const logits = await open.logits();
      const full = { kind: 'full' } as const;
      const merged = familyModel(
        { ...loadFamily(referenceFolder(name)), weights: mergedWeights(model, trained) },
        { tuning: { tower: full, connector: full, backbone: full } },
      );
      const folder = copyOf(name);
      const plain = openFamily(folder, { tuning: { tower: full, connector: full, backbone: full } });
      for (const module of ['encoder', 'backbone'] as const)
        await plain.session.write(`${module}/theta`, initialVector(merged.trainable[module], 0));
      if (Object.keys(plain.setting.model.frozen).length > 0)
        expect(Object.keys(plain.setting.model.frozen)).toEqual(['tower.positions']); // Whisper's fixed positions
      expect(largestDifference(await plain.logits(), logits)).toBeLessThan(2e-5);
      open.session.dispose();
      plain.session.dispose();
    },
  );

  it('merges and takes out again to 1e-6', () => {
    const weight = noise([7, 5], 'weight'),
      a = noise([2, 5], 'a'),
      b = noise([7, 2], 'b');
    const merged = mergeLora(weight, a, b, { rank: 2, alpha: 8 });
    expect(merged.data[5]!).toBeCloseTo(weight.data[5]! + 4 * (b.data[2]! * a.data[0]! + b.data[3]! * a.data[5]!), 5);
    expect(largestDifference(mergeLora(merged, a, b, { rank: 2, alpha: 8 }, -1).data, weight.data)).toBeLessThan(1e-6);
    expect(() => mergeLora(weight, b, a, { rank: 2, alpha: 8 })).toThrow(RangeError);
  });

  it('targets are ends of names, with patterns', () => {
    expect(matchesTarget('q', 'layers.0.q')).toBe(true);
    expect(matchesTarget('q', 'layers.0.qq')).toBe(false);
    expect(matchesTarget('layers.*.self.q', 'connector.layers.11.self.q')).toBe(true);
    expect(matchesTarget('layers.*.q', 'layers.0.self.q')).toBe(false);
    expect(matchesTarget('layers.1*.q', 'layers.12.q')).toBe(true);
    const loaded = loadFamily(referenceFolder('blip2-opt'));
    const model = familyModel(loaded, {
      tuning: { connector: { kind: 'lora', rank: 1, alpha: 1, targets: ['layers.0.*.q'] } },
    });
    expect(model.trainable.encoder.map(({ name }) => name)).toEqual(
      ['self', 'cross'].flatMap((which) => ['A', 'B'].map((side) => `connector.layers.0.${which}.q.lora_${side}`)),
    );
    // A table that is looked up has no linear layer for an adapter to sit on.
    expect(() =>
      familyModel(loaded, { tuning: { connector: { kind: 'lora', rank: 1, alpha: 1, targets: ['queries'] } } }),
    ).toThrow(/tuning.connector.targets: no weight is called "queries"/);
  });

  it("writes adapters in PEFT's layout", async () => {
    const open = openFamily(referenceFolder('blip2-opt'), {
      tuning: { tower: { kind: 'lora', rank: 3, alpha: 6, targets: ['blocks.1.qkv'] } },
    });
    const { model } = open.setting;
    const trained = trainedTensors(model, {
      encoder: await open.session.read('encoder/theta'),
      backbone: await open.session.read('backbone/theta'),
    });
    open.session.dispose();
    const folder = mkdtempSync(join(tmpdir(), 'equipoise-adapter-'));
    expect(
      writePeftAdapter(folder, peftAdapter(model, trained, loadFamily(referenceFolder('blip2-opt')).shapes)),
    ).toEqual(['adapter_model.safetensors', 'adapter_config.json', 'trained_parameters.safetensors']);
    const { tensors } = readSafetensors(readFileSync(join(folder, 'adapter_model.safetensors')), 'adapter');
    const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    expect(tensors['base_model.model.vision_model.encoder.layers.1.self_attn.qkv.lora_A.weight']!.shape).toEqual([
      3, 32,
    ]);
    expect(
      tensors['base_model.model.language_model.model.decoder.layers.0.self_attn.v_proj.lora_B.weight']!.shape,
    ).toEqual([32, 16]);
    expect(tensors['base_model.model.qformer.encoder.layer.1.output_query.LayerNorm.bias']!.shape).toEqual([32]);
    expect(config).toMatchObject({
      peft_type: 'LORA',
      r: 16,
      lora_alpha: 32,
      rank_pattern: { 'vision_model.encoder.layers.1.self_attn.qkv': 3 },
      alpha_pattern: { 'vision_model.encoder.layers.1.self_attn.qkv': 6 },
    });
    expect(config['target_modules']).toHaveLength(5);
    expect(config['modules_to_save']).toContain('language_projection');
    expect(
      readSafetensors(readFileSync(join(folder, 'trained_parameters.safetensors')), 'bare').tensors['query_tokens']!
        .shape,
    ).toEqual([1, 4, 32]);
    expect(() =>
      peftAdapter(
        familyModel(loadFamily(referenceFolder('llava-1.5')), { tuning: { backbone: { kind: 'frozen' } } }),
        {},
        {},
      ),
    ).toThrow(/no part is tuned by LoRA/);
  });
});
