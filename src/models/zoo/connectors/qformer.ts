/**
 * Q-Former connector (Li et al. 2023, BLIP-2, section 3.1): learned queries attend to each other and to the encoder's
 * features; their output, RMS-matched to the token embeddings, is the prefix. Pre-norm blocks.
 */
import { attention, gelu, joinHeads, layerNorm, linear, normaliseRms, splitHeads } from '../../../tensor/ops';
import type { ParameterSpec } from '../../../tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../../../tensor/tf';
import type { Connector, ConnectorShape } from './connector';

export interface QformerOptions {
  tokens: number;
  width: number;
  layers: number;
  heads: number;
}

export function qformerConnector(shape: ConnectorShape, options: QformerOptions): Connector {
  const { tokens, width, layers, heads } = options;
  const matrix = (name: string, output: number, input: number): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [output, input], initial: { kind: 'normal', deviation: 1 / Math.sqrt(input) } },
    { name: `${name}.bias`, shape: [output], initial: { kind: 'zeros' } },
  ];
  const norm = (name: string, size: number): ParameterSpec[] => [
    { name: `${name}.gain`, shape: [size], initial: { kind: 'constant', value: 1 } },
    { name: `${name}.bias`, shape: [size], initial: { kind: 'zeros' } },
  ];
  const attentionParameters = (name: string): ParameterSpec[] => [
    ...norm(`${name}.norm`, width),
    ...['query', 'key', 'value', 'output'].flatMap((part) => matrix(`${name}.${part}`, width, width)),
  ];
  const block = (i: number): ParameterSpec[] => [
    ...attentionParameters(`blocks.${i}.self`),
    ...attentionParameters(`blocks.${i}.cross`),
    ...norm(`blocks.${i}.feedForward.norm`, width),
    ...matrix(`blocks.${i}.feedForward.hidden`, 4 * width, width),
    ...matrix(`blocks.${i}.feedForward.output`, width, 4 * width),
  ];
  return {
    tokens,
    parameters: [
      { name: 'queries', shape: [tokens, width], initial: { kind: 'normal', deviation: 1 } },
      ...norm('features.norm', shape.features),
      ...matrix('features', width, shape.features),
      { name: 'features.positions', shape: [shape.rows, width], initial: { kind: 'normal', deviation: 0.1 } },
      ...Array.from({ length: layers }, (_, i) => block(i)).flat(),
      ...norm('norm', width),
      ...matrix('output', shape.width, width),
      { name: 'output.gain', shape: [1], initial: { kind: 'constant', value: shape.embeddingScale } },
    ],
    apply(parameters, features) {
      const batch = features.shape[0]!;
      const dense = (x: Tensor, name: string) =>
        linear(x, need(parameters, `${name}.weight`), need(parameters, `${name}.bias`));
      const normed = (x: Tensor, name: string) =>
        layerNorm(x, need(parameters, `${name}.gain`), need(parameters, `${name}.bias`), 1e-5);
      const seen = tf.add(dense(normed(features, 'features.norm'), 'features'), need(parameters, 'features.positions'));
      let x: Tensor = tf.tile(tf.reshape(need(parameters, 'queries'), [1, tokens, width]), [batch, 1, 1]);
      for (let i = 0; i < layers; i++) {
        x = tf.add(x, attend(parameters, `blocks.${i}.self`, normed(x, `blocks.${i}.self.norm`), undefined, heads));
        x = tf.add(x, attend(parameters, `blocks.${i}.cross`, normed(x, `blocks.${i}.cross.norm`), seen, heads));
        x = tf.add(
          x,
          dense(
            gelu(dense(normed(x, `blocks.${i}.feedForward.norm`), `blocks.${i}.feedForward.hidden`)),
            `blocks.${i}.feedForward.output`,
          ),
        );
      }
      return tf.mul(normaliseRms(dense(normed(x, 'norm'), 'output'), 1e-6), need(parameters, 'output.gain'));
    },
  };
}

/** Multi-head attention of x to `to` (itself when undefined). */
function attend(parameters: Tensors, name: string, x: Tensor, to: Tensor | undefined, heads: number): Tensor {
  const dense = (input: Tensor, part: string) =>
    linear(input, need(parameters, `${name}.${part}.weight`), need(parameters, `${name}.${part}.bias`));
  const other = to ?? x;
  const mixed = attention(
    splitHeads(dense(x, 'query'), heads),
    splitHeads(dense(other, 'key'), heads),
    splitHeads(dense(other, 'value'), heads),
  );
  return dense(joinHeads(mixed), 'output');
}
