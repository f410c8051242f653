/**
 * What was trained on a model with published names: merged into its weights, or in PEFT's layout for users of Python
 * (Hugging Face's peft, format of version 0.21: adapter_config.json and adapter_model.safetensors).
 */
import { join } from 'node:path';
import { writeWhole } from '../files';
import { exitCode, userError } from '../problems';
import { theirName, type NameTable } from './checkpoint/names';
import { mergeLora, type LoraSpec } from './parts/lora';
import { writeSafetensors } from './weights/safetensors';
import type { WeightTensor } from './weights/weight';

export type Adapter = Pick<LoraSpec, 'rank' | 'alpha'>;

/** A model and what was trained of it. */
export interface TunedModel {
  table: NameTable;
  /** by our names; adapters as `<weight>.lora_A` and `<weight>.lora_B`, the rest in published shapes */
  trained: Record<string, WeightTensor>;
  /** of the adapter on a weight; undefined for a weight without one */
  adapterOf(weight: string): Adapter | undefined;
}

/** The base weight of an adapter's tensor, or null for a weight that was itself trained. */
const adapted = (name: string): string | null => /^(.*)\.lora_[AB]$/.exec(name)?.[1] ?? null;

/** All weights with what was trained merged in: a model that needs no adapter. */
export function mergedInto(
  weights: Record<string, WeightTensor>,
  { trained, adapterOf }: Omit<TunedModel, 'table'>,
): Record<string, WeightTensor> {
  const merged = { ...weights };
  for (const [name, tensor] of Object.entries(trained)) {
    const base = adapted(name);
    if (base === null) merged[name] = tensor;
    else if (name.endsWith('.lora_A'))
      merged[base] = mergeLora(weights[base]!, tensor, trained[`${base}.lora_B`]!, adapterOf(base)!);
  }
  return merged;
}

export interface PeftAdapter {
  /** adapter_model.safetensors */
  tensors: Record<string, WeightTensor>;
  /** adapter_config.json */
  config: Record<string, unknown>;
  /** trained tensors that are no layer's weight or bias, by published name: PEFT has no place for them */
  bare: Record<string, WeightTensor>;
}

/**
 * Adapters and fully trained layers under the names that PEFT gives them on the published model:
 * `base_model.model.<layer>.lora_A.weight`, and trained layers as `modules_to_save`. `usual` is the rank and alpha that
 * the configuration states for all layers; others stand beside it.
 * @param task PEFT's task type, which decides on its wrapper; null for its plain one
 */
export function peftLayout(
  { table, trained, adapterOf }: TunedModel,
  usual: Adapter,
  task: 'CAUSAL_LM' | null,
): PeftAdapter {
  const tensors: Record<string, WeightTensor> = {},
    bare: Record<string, WeightTensor> = {};
  const targets: { layer: string; own: Adapter }[] = [];
  const saved = new Set<string>();
  for (const [name, tensor] of Object.entries(trained)) {
    const base = adapted(name);
    const published = theirName(table, base ?? name);
    const layer = /^(.+)\.(?:weight|bias)$/.exec(published)?.[1];
    if (base !== null && layer !== undefined) {
      tensors[`base_model.model.${layer}.${name.slice(base.length + 1)}.weight`] = tensor;
      if (name.endsWith('.lora_A')) targets.push({ layer, own: adapterOf(base)! });
    } else if (layer !== undefined) {
      tensors[`base_model.model.${published}`] = tensor;
      saved.add(layer);
    } else bare[published] = tensor;
  }
  const differing = (field: keyof Adapter) =>
    Object.fromEntries(targets.flatMap(({ layer, own }) => (own[field] === usual[field] ? [] : [[layer, own[field]]])));
  return {
    tensors,
    bare,
    config: {
      peft_type: 'LORA',
      task_type: task,
      base_model_name_or_path: null,
      inference_mode: true,
      r: usual.rank,
      lora_alpha: usual.alpha,
      lora_dropout: 0,
      bias: 'none',
      fan_in_fan_out: false,
      init_lora_weights: true,
      use_rslora: false,
      use_dora: false,
      target_modules: targets.map(({ layer }) => layer).sort(),
      modules_to_save: saved.size === 0 ? null : [...saved].sort(),
      rank_pattern: differing('rank'),
      alpha_pattern: differing('alpha'),
    },
  };
}

/**
 * Writes adapter_model.safetensors and adapter_config.json, and `trained_parameters.safetensors` where something was
 * trained that PEFT cannot hold. Returns the names of the files. Throws UserError when the folder cannot be written.
 */
export function writePeftAdapter(folder: string, adapter: PeftAdapter): string[] {
  const files: [string, string | Uint8Array][] = [
    ['adapter_model.safetensors', writeSafetensors(adapter.tensors, { format: 'pt' })],
    ['adapter_config.json', `${JSON.stringify(adapter.config, null, 2)}\n`],
    ...(Object.keys(adapter.bare).length === 0
      ? []
      : [['trained_parameters.safetensors', writeSafetensors(adapter.bare, { format: 'pt' })] as [string, Uint8Array]]),
  ];
  try {
    for (const [name, content] of files) writeWhole(join(folder, name), content);
  } catch (error) {
    throw userError(
      {
        where: folder,
        what: `the adapter cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
        expected: 'a folder that can be written',
      },
      exitCode.failed,
    );
  }
  return files.map(([name]) => name);
}
