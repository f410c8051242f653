/** Trained parameters of a family: merged into its weights, or in PEFT's layout for users of Python. */
import type { PerModule } from '../../manifest/run';
import { userError } from '../../problems';
import { valuesByName } from '../../tensor/parameters';
import { theirName } from '../checkpoint/names';
import { mergedInto, peftLayout, type PeftAdapter, type TunedModel } from '../peft';
import type { WeightTensor } from '../weight';
import { partNames, type PartName } from './family';
import type { FamilyModel } from './model';

const partOf = (name: string): PartName => partNames.find((part) => name.startsWith(`${part}.`))!;

/**
 * Trained tensors by our names.
 * @param trained flat vectors of both modules, as the session holds them under `<module>/theta`
 * @throws RangeError when a vector has another size
 */
export const trainedTensors = (model: FamilyModel, trained: PerModule<Float32Array>): Record<string, WeightTensor> => ({
  ...valuesByName(model.trainable.encoder, trained.encoder),
  ...valuesByName(model.trainable.backbone, trained.backbone),
});

const tuned = (model: FamilyModel, trained: Record<string, WeightTensor>): TunedModel => ({
  table: model.family.table,
  trained,
  adapterOf(weight) {
    const tuning = model.tuning[partOf(weight)];
    return tuning.kind === 'lora' ? tuning : undefined;
  },
});

/** All weights with what was trained, by our names, merged in: a model that needs no adapter. */
export const mergedWeights = (
  model: FamilyModel,
  trained: Record<string, WeightTensor>,
): Record<string, WeightTensor> => mergedInto(model.frozen, tuned(model, trained));

/** Adapters and fully trained layers, by our names, in PEFT's layout. Throws UserError when no part is tuned by LoRA. */
export function peftAdapter(model: FamilyModel, trained: Record<string, WeightTensor>): PeftAdapter {
  const usual = partNames.flatMap((part) => (model.tuning[part].kind === 'lora' ? [model.tuning[part]] : [])).at(-1); // the backbone's, where it has one
  if (usual === undefined)
    throw userError({ where: 'tuning', what: 'no part is tuned by LoRA', expected: 'an adapter to write' });
  return peftLayout(tuned(model, asPublished(model, trained)), usual, null);
}

/** Trained tensors under their published names, for a model without adapters. */
export const publishedTensors = (
  model: FamilyModel,
  trained: Record<string, WeightTensor>,
): Record<string, WeightTensor> =>
  Object.fromEntries(
    Object.entries(asPublished(model, trained)).map(([name, tensor]) => [theirName(model.family.table, name), tensor]),
  );

/** In published shapes, which may have leading axes of length one. */
const asPublished = (model: FamilyModel, trained: Record<string, WeightTensor>): Record<string, WeightTensor> =>
  Object.fromEntries(
    Object.entries(trained).map(([name, { shape, data }]) => [name, { shape: model.shapes[name] ?? shape, data }]),
  );
