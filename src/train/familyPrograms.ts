/**
 * What `check-model` asks of a whole family beside the programs of every run: features as they enter the language
 * model, and logits.
 */
import type { BackbonePass } from '../models/multimodal';
import type { FamilyModel } from '../models/published/family';
import { moduleNames, type PerModule } from '../modules';
import type { Program, TensorSpec } from '../tensor/program';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchShape } from './batches';
import { frozenNames, frozenTensors, partsOf, type Setting } from './programs';

/** A run's setting with a family's model. */
export type FamilySetting = Omit<Setting, 'model'> & { model: FamilyModel };

/** Pixels [C, H, W] or log-mel [bands, frames] as the rows and width of a batch's features. */
export function familyShape(model: FamilyModel, sizes: Pick<BatchShape, 'batch' | 'tokens' | 'labels'>): BatchShape {
  const { input, featureTokens } = model.composition;
  const width = input.shape.at(-1)!;
  const items = model.prefixTokens / featureTokens;
  return {
    ...sizes,
    rows: (items * input.shape.reduce((a, b) => a * b, 1)) / width,
    width,
    prefixTokens: model.prefixTokens,
  };
}

/** Features [B, prefixTokens, width] as they enter the language model, and logits [B * S, V] of the whole sequence. */
export function familyForwardProgram(model: FamilyModel, shape: BatchShape): Program {
  const places = shape.batch * (model.decoding.before + shape.tokens);
  return forward(model, shape, {}, ({ parts: { backbone }, frozen, prefix, inputs }) => ({
    features: model.connected({ backbone, frozen, prefix }),
    logits: logitsOf(model, {
      backbone,
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
    ({ parts: { backbone }, frozen, prefix, inputs }) => ({
      logits: logitsOf(model, {
        backbone,
        frozen,
        prefix,
        tokens: need(inputs, 'tokens'),
        positions: need(inputs, 'positions'),
      }),
    }),
  );

const logitsOf = (model: FamilyModel, pass: BackbonePass): Tensor => model.words(pass, model.hidden(pass));

interface Forward {
  parts: PerModule<Tensor[]>;
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
  return {
    inputs: {
      features: { shape: [shape.batch, shape.rows, shape.width], dtype: 'float32' },
      tokens: { shape: [shape.batch, shape.tokens], dtype: 'int32' },
      ...more,
    },
    reads: [
      ...moduleNames.filter((module) => model.trainable[module].length > 0).map((module) => `${module}/theta`),
      ...frozenNames(model),
    ],
    run(inputs, state) {
      const frozen = frozenTensors(model, state);
      const parts = partsOf(model, state, 'theta');
      const prefix = model.prefix({ encoder: parts.encoder, frozen, features: need(inputs, 'features') });
      return { outputs: outputs({ parts, frozen, inputs, prefix }) };
    },
  };
}
