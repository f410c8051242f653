/** Configurations that say another model than the family that reads them, or leave something out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultsTaken, familyOf, loadFamily } from '../../src/models/published';
import { publishedModels } from '../../src/models/published/catalogue';
import { parametersOf } from '../../src/models/composition';
import { readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import { sizeOf } from '../../src/tensor/shape';
import { copyOf } from '../../testing/families';
import { notEmpty } from '../../testing/lists';

type Json = Record<string, unknown>;
const published = (name: string): Json => structuredClone(publishedModels[name]!.config);
/** A published configuration with another value at a place; undefined takes the field out. */
function changed(name: string, place: string, value: unknown): Json {
  const config = published(name);
  const path = place.split('/');
  const inner = path.slice(0, -1).reduce((at, key) => at[key] as Json, config);
  if (value === undefined) delete inner[path.at(-1)!];
  else inner[path.at(-1)!] = value;
  return config;
}

describe("a configuration in its authors' own layout is named as that", () => {
  it.each([
    [
      'LLaVA-1.5',
      {
        model_type: 'llava',
        architectures: ['LlavaLlamaForCausalLM'],
        hidden_size: 5120,
        mm_vision_tower: 'openai/clip',
      },
      /^config.json: this is LLaVA as its authors publish it.*\(LlavaLlamaForCausalLM\); expected transformers' layout.*llava-hf/,
    ],
    ['LLaVA-1.5 without architectures', { model_type: 'llava', mm_vision_tower: 'x' }, /this is LLaVA as its authors/],
    ['LLaVA 1', { model_type: 'llava_llama' }, /this is LLaVA as its authors/],
    ['LLaVA on Mistral', { model_type: 'llava_mistral', mm_hidden_size: 1024 }, /this is LLaVA as its authors/],
    [
      'BLIP-2 of LAVIS',
      { model: { arch: 'blip2_opt', vit_model: 'eva_clip_g' } },
      /this is BLIP-2 as LAVIS publishes it/,
    ],
    ['SALMONN', { model: { llama_path: 'vicuna', whisper_path: 'w' } }, /this is SALMONN as its authors publish it/],
  ])('%s', (_name, config, message) => {
    expect(() => familyOf(config)).toThrow(message);
  });
});

it("LLaVA-NeXT in transformers' layout is told as another model, not as another layout", () => {
  expect(() => familyOf(changed('llava-1.5-7b', 'model_type', 'llava_next'))).toThrow(
    /^config\.json\/model_type: "llava_next"; expected .*llava/,
  );
});

describe('an inner object', () => {
  it.each([
    ['llava-1.5-7b', ['vision_config', 'text_config']],
    ['blip2-opt-2.7b', ['vision_config', 'qformer_config', 'text_config']],
    ['internvl2-1b', ['vision_config', 'llm_config']],
    ['salmonn-7b', ['whisper', 'qformer', 'llama']],
  ])('of %s that is absent is missed, whatever defaults there are', (name, inner) => {
    for (const place of notEmpty(inner)) {
      expect(() => familyOf(changed(name, place, undefined))).toThrow(
        new RegExp(`config.json/${place}: missing; expected an object`),
      );
      expect(() => familyOf(changed(name, place, null))).toThrow(new RegExp(`/${place}: null; expected an object`));
    }
    const kind = { model_type: published(name)['model_type'] };
    for (const place of inner) expect(() => familyOf(kind)).toThrow(new RegExp(`config.json/${place}: missing`));
  });

  it.each([
    ['llava-1.5-7b', 'vision_config/model_type', 'siglip_vision_model', 'clip_vision_model'],
    [
      'llava-1.5-7b',
      'text_config/architectures',
      ['Qwen2ForCausalLM'],
      'a class of llama, the model_type that is stated',
    ],
    ['llava-1.5-7b', 'architectures', ['LlavaNextForConditionalGeneration'], 'a class of llava'],
    ['blip2-opt-2.7b', 'architectures', ['Blip2ForImageTextRetrieval'], 'a class of blip-2'],
    ['blip2-opt-2.7b', 'architectures', ['InstructBlipForConditionalGeneration'], 'a class of blip-2'],
    ['blip2-opt-2.7b', 'vision_config/model_type', 'instructblip_vision_model', 'blip_2_vision_model'],
    ['blip2-opt-2.7b', 'qformer_config/model_type', 'instructblip_qformer', 'blip_2_qformer'],
    ['blip2-opt-2.7b', 'text_config/model_type', 't5', 'internlm2, llama, mistral, opt, qwen2'],
    ['internvl2-1b', 'architectures', ['InternVLForConditionalGeneration'], 'a class of internvl_chat'],
    ['internvl2-1b', 'vision_config/model_type', 'internvl_vision', 'intern_vit_6b'],
    ['internvl2-1b', 'vision_config/architectures', ['CLIPVisionModel'], 'a class of intern_vit_6b'],
    ['internvl2-2b', 'llm_config/architectures', ['Phi3ForCausalLM'], 'a class of internlm2'],
    ['salmonn-7b', 'whisper/model_type', 'wav2vec2', 'whisper'],
    ['salmonn-7b', 'qformer/model_type', 'bert', 'blip_2_qformer'],
    ['salmonn-7b', 'llama/architectures', ['OPTForCausalLM'], 'a class of llama'],
    ['salmonn-7b', 'beats', { encoder_layers: 12 }, "SALMONN without BEATs, SALMONN's encoder of sounds"],
  ])('of %s whose %s is %j is another model', (name, place, value, expected) => {
    expect(() => familyOf(changed(name, place, value))).toThrow(
      `config.json/${place}: ${JSON.stringify(value)}; expected ${expected}`,
    );
  });

  it('without model_type is what its class has by default, and architectures may not say otherwise', () => {
    const text = { architectures: ['Qwen2ForCausalLM'], hidden_size: 64, num_attention_heads: 4 };
    expect(() => familyOf(changed('llava-1.5-7b', 'text_config', text))).toThrow(
      /text_config\/architectures.*expected a class of llama, the model_type that is taken where none is stated/,
    );
    // OpenGVLab's own class goes by the architecture, and has no default.
    const config = changed('internvl2-1b', 'llm_config/model_type', undefined);
    expect(familyOf(config).decoder.kind).toBe('qwen2');
    delete (config['llm_config'] as Json)['architectures'];
    expect(() => familyOf(config)).toThrow(/llm_config\/model_type: missing; expected the kind of language model/);
  });

  it("of OpenGVLab's layout shuffles pixels in the older order unless it says v2", () => {
    expect(() => familyOf(changed('internvl2-1b', 'ps_version', undefined))).toThrow(
      /ps_version: missing; expected v2/,
    );
  });
});

describe('defaults', () => {
  it('are told by their places', () => {
    expect(defaultsTaken(published('llava-1.5-7b'))).toMatchObject({
      'text_config/hidden_size': 4096,
      'text_config/num_hidden_layers': 32,
      'text_config/intermediate_size': 11_008,
    });
    expect(defaultsTaken(published('llava-1.5-7b'))).not.toHaveProperty(['text_config/vocab_size']);
    expect(defaultsTaken(published('blip2-opt-2.7b'))).not.toHaveProperty(['text_config/head_dim']);
  });

  // Parameters of transformers 5.24's classes where inner objects are there and state nothing: test/fixtures/families/make_defaults.py.
  it.each(
    Object.entries(
      JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'families', 'defaults.json'), 'utf8')) as Record<
        string,
        { config: Json; parameters: number }
      >,
    ),
  )('%s: as many parameters as the published classes have', (_name, { config, parameters }) => {
    expect(parametersOf(familyOf(config)).reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(parameters);
  });
});

describe('quantised checkpoints', () => {
  it.each([
    ['quantization_config', { quant_method: 'gptq', bits: 4 }],
    ['text_config/quantization_config', { quant_method: 'awq', bits: 4 }],
    ['vision_config/quantization_config', { quant_method: 'bitsandbytes', load_in_8bit: true }],
    ['compression_config', { format: 'pack-quantized' }],
    ['load_in_8bit', true],
    ['torch_dtype', 'float8_e4m3fn'],
    ['text_config/dtype', 'int8'],
  ])('are refused by the name of %s', (place, value) => {
    expect(() => familyOf(changed('llava-1.5-7b', place, value))).toThrow(
      `config.json/${place}: ${JSON.stringify(value)}; expected weights in float32, float16 or bfloat16`,
    );
    expect(() => familyOf(changed('llava-1.5-7b', place, null))).not.toThrow();
  });

  it.each([
    ['GPTQ or AWQ', 'qweight'],
    ['GPTQ or AWQ', 'qzeros'],
    ['bitsandbytes', 'weight.absmax'],
    ['bitsandbytes', 'SCB'],
    ['bitsandbytes', 'weight.quant_state.bitsandbytes__nf4'],
    ['compressed-tensors or FP8', 'weight_packed'],
    ['compressed-tensors or FP8', 'weight_scale_inv'],
  ])('of %s are known by their tensors: %s', (kind, ending) => {
    const folder = copyOf('llava-1.5');
    const path = join(folder, 'model.safetensors');
    const { tensors } = readSafetensors(readFileSync(path), path);
    const layer = 'model.language_model.layers.0.self_attn.q_proj';
    const { [`${layer}.weight`]: weight, ...rest } = tensors;
    writeFileSync(path, writeSafetensors({ ...rest, [`${layer}.${ending}`]: weight! }));
    expect(() => loadFamily(folder)).toThrow(
      `its weights are quantised (${kind}): 1 tensors like "${layer}.${ending}"; expected weights in float32`,
    );
  });
});
