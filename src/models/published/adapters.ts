/** Trained parameters of a family: merged into its weights, or in PEFT's layout for users of Python. */
import type { PerModule } from '../../modules';
import { userError } from '../../problems';
import { valuesByName } from '../../tensor/parameters';
import { theirName } from '../checkpoint/names';
import { partNames } from '../composition';
import { mergedInto, peftLayout, type PeftAdapter, type TunedModel } from '../peft';
import { inFloats, type WeightTensor } from '../weights/weight';
import type { FamilyModel } from './family';

/**
 * Trained tensors by our names.
 * @param trained flat vectors of both modules, as the session holds them under `<module>/theta`
 * @throws RangeError when a vector has another size
 */
export const trainedTensors = (model: FamilyModel, trained: PerModule<Float32Array>): Record<string, WeightTensor> => ({
  ...valuesByName(model.trainable.encoder, trained.encoder),
  ...valuesByName(model.trainable.backbone, trained.backbone),
});

function tuned(model: FamilyModel, trained: Record<string, WeightTensor>): TunedModel {
  const parts = new Map(Object.values(model.trainable).flatMap((list) => list.map(({ name, part }) => [name, part])));
  return {
    table: model.composition.table,
    trained,
    adapterOf(weight) {
      const part = parts.get(`${weight}.lora_A`);
      const tuning = part === undefined ? undefined : model.tuning[part];
      return tuning?.kind === 'lora' ? tuning : undefined;
    },
  };
}

/** All weights with what was trained, by our names, merged in: a model that needs no adapter. */
export const mergedWeights = (
  model: FamilyModel,
  trained: Record<string, WeightTensor>,
): Record<string, WeightTensor> =>
  mergedInto(
    Object.fromEntries(Object.entries(model.frozen).map(([name, weight]) => [name, inFloats(weight)])),
    tuned(model, trained),
  );

/**
 * Adapters and fully trained layers, by our names, in PEFT's layout. Throws UserError when no part is tuned by LoRA.
 * @param shapes as published, by our names
 */
export function peftAdapter(
  model: FamilyModel,
  trained: Record<string, WeightTensor>,
  shapes: Record<string, number[]>,
): PeftAdapter {
  const usual = partNames
    .map((part) => model.tuning[part])
    .filter((tuning) => tuning.kind === 'lora')
    .at(-1); // the backbone's, where it has one
  if (usual === undefined)
    throw userError({ where: 'tuning', what: 'no part is tuned by LoRA', expected: 'an adapter to write' });
  return peftLayout(tuned(model, asPublished(trained, shapes)), usual, null);
}

/** Trained tensors under their published names, for a model without adapters. `shapes` as for `peftAdapter`. */
export const publishedTensors = (
  model: FamilyModel,
  trained: Record<string, WeightTensor>,
  shapes: Record<string, number[]>,
): Record<string, WeightTensor> =>
  Object.fromEntries(
    Object.entries(asPublished(trained, shapes)).map(([name, tensor]) => [
      theirName(model.composition.table, name),
      tensor,
    ]),
  );

/** In published shapes, which may have leading axes of length one. */
const asPublished = (
  trained: Record<string, WeightTensor>,
  shapes: Record<string, number[]>,
): Record<string, WeightTensor> =>
  Object.fromEntries(
    Object.entries(trained).map(([name, { shape, data }]) => [name, { shape: shapes[name] ?? shape, data }]),
  );
