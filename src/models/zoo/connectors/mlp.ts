/**
 * LLaVA-style connector: neighbouring feature rows are joined, normalised and mapped by a two-layer perceptron
 * (Liu et al. 2023b, section 3). Its output is RMS-matched to the token embeddings with a learned gain: without that,
 * prefix tokens are many times larger than words and the frozen backbone ignores what follows them.
 */
import { userError } from '../../../problems';
import { gelu, layerNorm, linear, normaliseRms } from '../../../tensor/ops';
import { need, tf } from '../../../tensor/tf';
import type { Connector, ConnectorShape } from './connector';

/** Throws UserError when the encoder's rows do not divide into `tokens`. */
export function mlpConnector(shape: ConnectorShape, options: { tokens: number; width: number }): Connector {
  const { tokens, width } = options;
  if (shape.rows % tokens !== 0) {
    const divisors = Array.from({ length: shape.rows }, (_, i) => i + 1).filter((n) => shape.rows % n === 0);
    throw userError({
      where: 'connector.tokens',
      what: `${shape.rows} feature rows do not divide into ${tokens} tokens`,
      expected: `one of ${divisors.join(', ')}`,
    });
  }
  const joined = (shape.rows / tokens) * shape.features;
  return {
    tokens,
    parameters: [
      { name: 'norm.gain', shape: [joined], initial: { kind: 'constant', value: 1 } },
      { name: 'norm.bias', shape: [joined], initial: { kind: 'zeros' } },
      { name: 'hidden.weight', shape: [width, joined], initial: { kind: 'normal', deviation: 1 / Math.sqrt(joined) } },
      { name: 'hidden.bias', shape: [width], initial: { kind: 'zeros' } },
      {
        name: 'output.weight',
        shape: [shape.width, width],
        initial: { kind: 'normal', deviation: 1 / Math.sqrt(width) },
      },
      { name: 'output.bias', shape: [shape.width], initial: { kind: 'zeros' } },
      { name: 'output.gain', shape: [1], initial: { kind: 'constant', value: shape.embeddingScale } },
    ],
    apply(parameters, features) {
      const batch = features.shape[0]!;
      const x = layerNorm(
        tf.reshape(features, [batch, tokens, joined]),
        need(parameters, 'norm.gain'),
        need(parameters, 'norm.bias'),
        1e-5,
      );
      const hidden = gelu(linear(x, need(parameters, 'hidden.weight'), need(parameters, 'hidden.bias')));
      const output = linear(hidden, need(parameters, 'output.weight'), need(parameters, 'output.bias'));
      return tf.mul(normaliseRms(output, 1e-6), need(parameters, 'output.gain'));
    },
  };
}
