/**
 * InternVL-style connector: squares of neighbouring grid cells become one longer row (pixel shuffle), then norm and
 * two-layer perceptron (Chen et al. 2024, section 3.1). Unlike a mean over the square it keeps where in the square
 * something was. Its output is RMS-matched to the token embeddings (connector.ts).
 */
import { userError } from '../../../problems';
import { whole } from '../../../parts/options';
import { pixelShuffle as shuffled } from '../../parts/pixelShuffle';
import { defineConnector, widthOption, type Connector, type ConnectorShape } from './connector';
import { mlpConnector } from './mlp';

/** Throws UserError when the encoder's rows are no square grid, or `factor` does not divide its side. */
function pixelShuffleConnector(shape: ConnectorShape, options: { factor: number; width: number }): Connector {
  const { factor, width } = options;
  const side = Math.sqrt(shape.rows);
  if (!Number.isInteger(side))
    throw userError({
      where: 'connector',
      what: `pixel-shuffle over ${shape.rows} feature rows`,
      expected: 'an encoder whose features are a square grid',
    });
  if (side % factor !== 0)
    throw userError({
      where: 'connector.factor',
      what: `squares of ${factor} x ${factor} do not fill a grid of ${side} x ${side}`,
      expected: `a divisor of ${side}`,
    });
  const tokens = (side / factor) ** 2;
  const perceptron = mlpConnector(
    { ...shape, rows: tokens, features: shape.features * factor * factor },
    { tokens, width },
  );
  return {
    ...perceptron,
    apply: (part, features) => perceptron.apply(part, shuffled(features, side, factor)),
  };
}

export const pixelShuffle = defineConnector({
  file: __filename,
  about: 'InternVL: squares of the feature grid become one row each, then norm and two-layer perceptron',
  options: {
    width: widthOption(512),
    factor: whole('side of the squares of feature rows that become one token', 1, 64, 2),
  },
  facts: { wholeGrid: true, needsGrid: true },
  make: (options) => (shape) => pixelShuffleConnector(shape, options),
});
