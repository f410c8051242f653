/** Trained parameters of a family: merged into its weights, or in PEFT's layout for users of Python. */
import type { ModuleName } from '../../manifest/run';
import { userError } from '../../problems';
import { mergedInto, peftLayout, type PeftAdapter, type TunedModel } from '../peft';
import { sizeOf, type WeightTensor } from '../weights';
import { partNames, type PartName } from './family';
import type { FamilyModel } from './model';

/** Flat vectors of both modules, as the session holds them under `<module>/theta`. */
export type Trained = Record<ModuleName, Float32Array>;

const partOf = (name: string): PartName => partNames.find((part) => name.startsWith(`${part}.`))!;

/** Trained tensors by name, adapters among them. Throws RangeError when a vector has another size. */
function tuned(model: FamilyModel, trained: Trained): TunedModel {
  const tensors: Record<string, WeightTensor> = {};
  for (const module of ['encoder', 'backbone'] as const) {
    let at = 0;
    for (const { name, shape } of model.trainable[module]) tensors[name] = { shape, data: trained[module].subarray(at, (at += sizeOf(shape))) };
    if (at !== trained[module].length) throw new RangeError(`${trained[module].length} values for ${at} parameters of the ${module}`);
  }
  return {
    table: model.family.table, trained: tensors,
    adapterOf(weight) {
      const tuning = model.tuning[partOf(weight)];
      return tuning.kind === 'lora' ? tuning : undefined;
    },
  };
}

/** All weights with what was trained merged in: a model that needs no adapter. */
export const mergedWeights = (model: FamilyModel, trained: Trained): Record<string, WeightTensor> => mergedInto(model.frozen, tuned(model, trained));

/** Adapters and fully trained layers in PEFT's layout. Throws UserError when no part is tuned by LoRA. */
export function peftAdapter(model: FamilyModel, trained: Trained, baseModel: string | null = null): PeftAdapter {
  const usual = partNames.flatMap((part) => (model.tuning[part].kind === 'lora' ? [model.tuning[part]] : [])).at(-1); // the backbone's, where it has one
  if (usual === undefined) throw userError({ where: 'tuning', what: 'no part is tuned by LoRA', expected: 'an adapter to write' });
  const { trained: tensors, ...rest } = tuned(model, trained);
  const asPublished = Object.fromEntries(Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape: model.shapes[name] ?? shape, data }]));
  return peftLayout({ ...rest, trained: asPublished }, usual, null, baseModel);
}
