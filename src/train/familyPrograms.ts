/** Programs of the published families: those of every run, on a model whose frozen weights reach its tower, too. */
import type { ModuleName } from '../manifest/run';
import { familySequence, type FamilyModel } from '../models/published/model';
import type { MultimodalModel } from '../models/multimodal';
import type { Program, TensorSpec } from '../tensor/program';
import { splitVector } from '../tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchShape } from './batches';
import { frozenNames, frozenTensors, trainProgram, type MeasureOption, type Setting } from './programs';
import { moduleNames } from '../modules';

/** A run's setting with a family in place of a model. */
export type FamilySetting = Omit<Setting, 'model'> & { model: FamilyModel };

/** Pixels [C, H, W] or log-mel [bands, frames] as the rows and width of a batch's features. */
export function familyShape(model: FamilyModel, sizes: Pick<BatchShape, 'batch' | 'tokens' | 'labels'>): BatchShape {
  const { shape } = model.family.input;
  const width = shape.at(-1)!;
  const items = model.prefixTokens / model.family.featureTokens;
  return {
    ...sizes,
    rows: (items * shape.reduce((a, b) => a * b, 1)) / width,
    width,
    prefixTokens: model.prefixTokens,
  };
}

/** A program made for a model whose frozen tensors are known only when it runs. */
function bound(model: FamilyModel, make: (bound: MultimodalModel) => Program): Program {
  const declared = model.bind({});
  return {
    ...make(declared),
    run: (inputs, state) => make(model.bind(frozenTensors(declared, state))).run(inputs, state),
  };
}

/** One optimiser step, measured or not: `trainProgram` for a family. */
export const familyTrainProgram = (
  setting: FamilySetting,
  shape: BatchShape,
  only: readonly ModuleName[],
  measure: MeasureOption | null,
): Program => bound(setting.model, (model) => trainProgram({ ...setting, model }, shape, only, measure));

/** Features [B, prefixTokens, width] as they enter the language model, and logits [B * S, V] of the whole sequence. */
export function familyForwardProgram(model: FamilyModel, shape: BatchShape): Program {
  const places = shape.batch * familySequence(model.family, model.prefixTokens, shape.tokens);
  return forward(model, shape, {}, ({ parts, frozen, prefix, inputs }) => ({
    features: model.features(parts, frozen, need(inputs, 'features')),
    logits: model.logits({
      backbone: parts.backbone,
      frozen,
      prefix,
      tokens: need(inputs, 'tokens'),
      positions: tf.tensor1d(
        Int32Array.from({ length: places }, (_, i) => i),
        'int32',
      ),
    }),
  }));
}

/** Logits [B * labels, V] at the input `positions`. */
export const familyLogitsProgram = (model: FamilyModel, shape: BatchShape): Program =>
  forward(
    model,
    shape,
    { positions: { shape: [shape.batch * shape.labels], dtype: 'int32' } },
    ({ parts, frozen, prefix, inputs }) => ({
      logits: model.logits({
        backbone: parts.backbone,
        frozen,
        prefix,
        tokens: need(inputs, 'tokens'),
        positions: need(inputs, 'positions'),
      }),
    }),
  );

interface Forward {
  parts: Record<ModuleName, Tensor[]>;
  frozen: Tensors;
  prefix: Tensor;
  inputs: Tensors;
}

function forward(
  model: FamilyModel,
  shape: BatchShape,
  more: Record<string, TensorSpec>,
  outputs: (pass: Forward) => Tensors,
): Program {
  const declared = model.bind({});
  return {
    inputs: {
      features: { shape: [shape.batch, shape.rows, shape.width], dtype: 'float32' },
      tokens: { shape: [shape.batch, shape.tokens], dtype: 'int32' },
      ...more,
    },
    reads: [
      ...moduleNames.filter((module) => model.trainable[module].length > 0).map((module) => `${module}/theta`),
      ...frozenNames(declared),
    ],
    run(inputs, state) {
      const frozen = frozenTensors(declared, state);
      const of = (module: ModuleName) =>
        model.trainable[module].length === 0
          ? []
          : splitVector(need(state, `${module}/theta`), model.trainable[module]);
      const parts = { encoder: of('encoder'), backbone: of('backbone') };
      return {
        outputs: outputs({
          parts,
          frozen,
          inputs,
          prefix: model.bind(frozen).prefix(parts.encoder, need(inputs, 'features')),
        }),
      };
    },
  };
}
