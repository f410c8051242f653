/** To add a connector: one file beside this one, one case in the switch below, its options in kinds.ts. */
import { tokensByRule, type ConnectorSpec } from './kinds';
import { miniLm } from './minilm';
import type { WeightTensor } from '../../weight';
import { bertQformerConnector, miniLmStart, startsFromMiniLm } from './bertQformer';
import type { Connector, ConnectorShape } from './connector';
import { mlpConnector } from './mlp';
import { pixelShuffleConnector } from './pixelShuffle';
import { qformerConnector } from './qformer';

export type { Connector, ConnectorShape } from './connector';

/** Pretrained weights that a connector starts from, by its own names. */
export type ConnectorStart = Record<string, WeightTensor>;

/** The data manifests of the weights that a connector starts from; none for one that starts at random. */
export const connectorSources = (spec: ConnectorSpec): string[] => (startsFromMiniLm(spec) ? [miniLm.source] : []);

/** Weights that a connector starts from, fetched on first use; undefined when it starts at random. */
export async function connectorStart(spec: ConnectorSpec): Promise<ConnectorStart | undefined> {
  return startsFromMiniLm(spec) ? miniLmStart(spec) : undefined;
}

/** Feature rows that a connector looks at, of those that an encoder can give; undefined: the encoder's default. */
export function connectorRows(spec: ConnectorSpec, choices: readonly number[]): number | undefined {
  // These two choose for themselves what of the whole grid they look at.
  return spec.kind === 'pixel-shuffle' || spec.kind === 'blip2-qformer' ? Math.max(...choices) : undefined;
}

/** `start` as `connectorStart` gives it. Throws UserError for options that do not fit the encoder's features. */
export function buildConnector(spec: ConnectorSpec, shape: ConnectorShape, start?: ConnectorStart): Connector {
  switch (spec.kind) {
    case 'mlp':
      return mlpConnector(shape, { tokens: spec.tokens ?? tokensByRule(shape.rows), width: spec.width });
    case 'qformer':
      return qformerConnector(shape, {
        tokens: spec.tokens ?? tokensByRule(shape.rows),
        width: spec.width,
        layers: spec.layers,
        heads: spec.heads,
      });
    case 'pixel-shuffle':
      return pixelShuffleConnector(shape, { factor: spec.factor, width: spec.width });
    case 'published':
      throw new Error('the connector of a checkpoint comes with it');
    case 'blip2-qformer':
    case 'window-qformer':
      return bertQformerConnector(shape, spec, start);
  }
}
