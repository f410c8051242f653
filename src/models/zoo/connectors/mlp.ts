/**
 * LLaVA-style connector: neighbouring feature rows are joined, normalised and mapped by a two-layer perceptron
 * (Liu et al. 2023b, section 3). Its output is RMS-matched to the token embeddings with a learned gain (connector.ts).
 */
import { userError } from '../../../problems';
import { gelu } from '../../../tensor/ops';
import { tf } from '../../../tensor/tf';
import { norm } from '../../parts/part';
import { perceptron } from '../../parts/perceptron';
import {
  defineConnector,
  linearStart,
  normStart,
  ruledTokens,
  sized,
  sizeParameter,
  stored,
  tokensByRule,
  widthOption,
  type Connector,
  type ConnectorShape,
} from './connector';

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
      ...stored([
        ...normStart('norm', joined),
        ...linearStart('hidden', width, joined),
        ...linearStart('output', shape.width, width),
      ]),
      sizeParameter('output.gain', shape),
    ],
    apply(part, features) {
      const rows = tf.reshape(features, [features.shape[0]!, tokens, joined]);
      return sized(part, perceptron(part, norm(part, rows, 'norm', 1e-5), gelu), 'output.gain');
    },
  };
}

export const mlp = defineConnector({
  file: __filename,
  about: 'pooled features through a two-layer perceptron',
  options: { tokens: ruledTokens, width: widthOption(512) },
  facts: {},
  make:
    ({ tokens, width }) =>
    (shape) =>
      mlpConnector(shape, { tokens: tokens ?? tokensByRule(shape.rows), width }),
});
