/**
 * What a configuration is, before its sizes are read: one of the layouts that are read, another layout of the same
 * model, or quantised. Without this a foreign configuration would be filled up with defaults and look like a model.
 */
import { isObject, type JsonObject } from '../../json';
import { userError } from '../../problems';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { Fields } from '../checkpoint/config';

interface OtherLayout {
  is(config: JsonObject, classes: readonly string[]): boolean;
  name: string;
  /** the same model in a layout that is read */
  instead: string;
}

const inside = (value: unknown, ...names: string[]): boolean =>
  isObject(value) && names.some((name) => Object.hasOwn(value, name));

/** Layouts in which the authors of the families publish them, and which are not read. */
const otherLayouts: readonly OtherLayout[] = [
  {
    is: (config, classes) =>
      (inside(config, 'mm_vision_tower', 'mm_projector_type', 'mm_hidden_size') &&
        !isObject(config['vision_config'])) ||
      (/^llava_/.test(String(config['model_type'])) && !isObject(config['text_config'])) ||
      classes.some((name) => /^Llava\w+ForCausalLM$/.test(name)),
    name: 'LLaVA as its authors publish it: the sizes of its language model at the top, its tower by name only',
    instead:
      "transformers' layout of LLaVA-1.5, with vision_config and text_config (llava-hf/llava-1.5-7b-hf, -13b-hf)",
  },
  {
    is: ({ model }) => inside(model, 'arch', 'vit_model') && /blip2/.test(String((model as JsonObject)['arch'])),
    name: 'BLIP-2 as LAVIS publishes it: names of its parts instead of their sizes',
    instead: "transformers' layout, with vision_config, qformer_config and text_config (Salesforce/blip2-opt-2.7b)",
  },
  {
    is: (config) => [config, config['model']].some((each) => inside(each, 'llama_path', 'whisper_path', 'beats_path')),
    name: 'SALMONN as its authors publish it: paths of its parts instead of their sizes',
    instead: 'one folder with all parts, model_type salmonn_whisper with whisper, qformer and llama (docs/models.md)',
  },
];

/** Throws UserError for a configuration in another layout than those that are read, naming it. */
export function refuseOtherLayouts(config: JsonObject, where: string): void {
  const stated = config['architectures'];
  const classes = (Array.isArray(stated) ? (stated as unknown[]) : [stated]).filter(
    (name): name is string => typeof name === 'string',
  );
  const found = otherLayouts.find(({ is }) => is(config, classes));
  if (found === undefined) return;
  throw userError({
    where,
    what: `this is ${found.name}${classes.length > 0 ? ` (${classes.join(', ').slice(0, 80)})` : ''}`,
    expected: found.instead,
  });
}

/** Fields in which transformers and its like state how weights were quantised. */
const quantisations = ['quantization_config', 'compression_config', 'quantization', 'quant_config'] as const;

/** Older ones state no more than this, and types of 8 bits need no other field. */
const loadedAs = ['load_in_8bit', 'load_in_4bit'] as const;
const types = ['torch_dtype', 'dtype'] as const;

/** Adds a problem for each field, of the whole or of an inner object, that says that weights are quantised. */
export function refuseQuantised(fields: Fields): void {
  const found = [
    ...quantisations.filter((name) => (fields.raw(name) ?? null) !== null),
    ...loadedAs.filter((name) => fields.raw(name) === true),
    ...types.filter((name) => /^(?:torch\.)?(?:float[48]|fp[48]|u?int)/.test(String(fields.raw(name)))),
  ];
  for (const name of found) fields.bad(name, 'weights in float32, float16 or bfloat16: quantised ones are not read');
}

/** What the names of tensors end with that hold quantised weights, or belong to them. */
const quantisedTensors: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['GPTQ or AWQ', /\.(?:qweight|qzeros|g_idx)$/],
  [
    'bitsandbytes',
    /\.(?:SCB|weight\.(?:absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..+)|weight_format)$/,
  ],
  ['compressed-tensors or FP8', /\.(?:weight_packed|weight_scale|weight_scale_inv|weight_zero_point|input_scale)$/],
];

/** Throws UserError for a checkpoint whose tensors are quantised, whatever its configuration says. */
export function refuseQuantisedTensors({ folder, tensors }: Pick<Checkpoint, 'folder' | 'tensors'>): void {
  const names = [...tensors.keys()];
  for (const [kind, pattern] of quantisedTensors) {
    const found = names.filter((name) => pattern.test(name));
    if (found.length === 0) continue;
    throw userError({
      where: folder,
      what: `its weights are quantised (${kind}): ${found.length} tensors like ${JSON.stringify(found[0])}`,
      expected: 'weights in float32, float16 or bfloat16',
      hint: 'take the checkpoint from which it was quantised',
    });
  }
}
