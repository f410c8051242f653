/** Trained parameters of a family: merged into its weights, or written in PEFT's layout for users of Python. */
import { join } from 'node:path';
import { writeWhole } from '../../files';
import type { ModuleName } from '../../manifest/run';
import { exitCode, userError } from '../../problems';
import { theirName } from '../checkpoint/names';
import { mergeLora } from '../lora';
import { writeSafetensors } from '../safetensors';
import { sizeOf, type WeightTensor } from '../weights';
import { partNames, type PartName } from './family';
import type { FamilyModel } from './model';

/** Flat vectors of both modules, as the session holds them under `<module>/theta`. */
export type Trained = Record<ModuleName, Float32Array>;

/** Trained tensors by name, adapters among them. Throws RangeError when a vector has another size. */
function trainedTensors(model: FamilyModel, trained: Trained): Record<string, WeightTensor> {
  const tensors: Record<string, WeightTensor> = {};
  for (const module of ['encoder', 'backbone'] as const) {
    let at = 0;
    for (const { name, shape } of model.trainable[module]) tensors[name] = { shape, data: trained[module].subarray(at, (at += sizeOf(shape))) };
    if (at !== trained[module].length) throw new RangeError(`${trained[module].length} values for ${at} parameters of the ${module}`);
  }
  return tensors;
}

/** The base weight of an adapter's tensor, or null for a weight that was itself trained. */
const adapted = (name: string): string | null => /^(.*)\.lora_[AB]$/.exec(name)?.[1] ?? null;

const partOf = (name: string): PartName => partNames.find((part) => name.startsWith(`${part}.`))!;

/** All weights with what was trained merged in: a model that needs no adapter. */
export function mergedWeights(model: FamilyModel, trained: Trained): Record<string, WeightTensor> {
  const tensors = trainedTensors(model, trained);
  const weights = { ...model.frozen };
  for (const [name, tensor] of Object.entries(tensors)) {
    const base = adapted(name);
    if (base === null) weights[name] = tensor;
    else if (name.endsWith('.lora_A')) {
      const tuning = model.tuning[partOf(name)];
      if (tuning.kind === 'lora') weights[base] = mergeLora(model.frozen[base]!, tensor, tensors[`${base}.lora_B`]!, tuning);
    }
  }
  return weights;
}

export interface PeftAdapter {
  /** adapter_model.safetensors */ tensors: Record<string, WeightTensor>;
  /** adapter_config.json */ config: Record<string, unknown>;
  /** trained tensors that are no layer's weight or bias, by published name: PEFT has no place for them */ bare: Record<string, WeightTensor>;
}

/**
 * Adapters and fully trained layers under the names that PEFT gives them on the published model: `base_model.model.<layer>.lora_A.weight`,
 * and trained layers as `modules_to_save`. Throws UserError when no part is tuned by LoRA.
 */
export function peftAdapter(model: FamilyModel, trained: Trained, baseModel: string | null = null): PeftAdapter {
  const { table } = model.family;
  const loras = partNames.flatMap((part) => (model.tuning[part].kind === 'lora' ? [{ part, ...model.tuning[part] }] : []));
  const first = loras.at(-1); // the backbone's, where it has one
  if (first === undefined) throw userError({ where: 'tuning', what: 'no part is tuned by LoRA', expected: 'an adapter to write' });
  const tensors: Record<string, WeightTensor> = {}, bare: Record<string, WeightTensor> = {};
  const targets: { layer: string; part: PartName }[] = [];
  const saved = new Set<string>();
  for (const [name, tensor] of Object.entries(trainedTensors(model, trained))) {
    const base = adapted(name);
    const published = theirName(table, base ?? name);
    const asPublished = base === null ? { shape: model.shapes[name]!, data: tensor.data } : tensor;
    const layer = /^(.+)\.(?:weight|bias)$/.exec(published)?.[1];
    if (base !== null && layer !== undefined) {
      tensors[`base_model.model.${layer}.${name.slice(base.length + 1)}.weight`] = tensor;
      if (name.endsWith('.lora_A')) targets.push({ layer, part: partOf(name) });
    } else if (layer !== undefined) {
      tensors[`base_model.model.${published}`] = asPublished;
      saved.add(layer);
    } else bare[published] = asPublished;
  }
  const differing = (field: 'rank' | 'alpha') => Object.fromEntries(targets.flatMap(({ layer, part }) => {
    const own = loras.find((lora) => lora.part === part)!;
    return own[field] === first[field] ? [] : [[layer, own[field]]];
  }));
  return {
    tensors, bare,
    config: {
      peft_type: 'LORA', task_type: null, base_model_name_or_path: baseModel, inference_mode: true,
      r: first.rank, lora_alpha: first.alpha, lora_dropout: 0, bias: 'none', fan_in_fan_out: false, init_lora_weights: true, use_rslora: false, use_dora: false,
      target_modules: targets.map(({ layer }) => layer).sort(), modules_to_save: saved.size === 0 ? null : [...saved].sort(),
      rank_pattern: differing('rank'), alpha_pattern: differing('alpha'),
    },
  };
}

/**
 * Writes adapter_model.safetensors and adapter_config.json, and `trained_parameters.safetensors` where something was trained
 * that PEFT cannot hold. Returns the names of the files. Throws UserError when the folder cannot be written.
 */
export function writePeftAdapter(folder: string, adapter: PeftAdapter): string[] {
  const files: [string, string | Uint8Array][] = [
    ['adapter_model.safetensors', writeSafetensors(adapter.tensors, { format: 'pt' })],
    ['adapter_config.json', `${JSON.stringify(adapter.config, null, 2)}\n`],
    ...(Object.keys(adapter.bare).length === 0 ? [] : [['trained_parameters.safetensors', writeSafetensors(adapter.bare, { format: 'pt' })] as [string, Uint8Array]]),
  ];
  try {
    for (const [name, content] of files) writeWhole(join(folder, name), content);
  } catch (error) {
    throw userError({ where: folder, what: `the adapter cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`, expected: 'a folder that can be written' }, exitCode.failed);
  }
  return files.map(([name]) => name);
}
