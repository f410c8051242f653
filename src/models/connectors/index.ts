/** To add a connector: one file beside this one, one line in the switch below, its shape in src/manifest/run.ts. */
import type { ConnectorSpec } from '../../manifest/run';
import type { Connector, ConnectorShape } from './connector';
import { mlpConnector } from './mlp';
import { qformerConnector } from './qformer';

export type { Connector, ConnectorShape } from './connector';

/** Prefix tokens when a manifest names none: one a 2x2-pooled grid cell (image), one a half second (sound). */
const defaultTokens = (shape: ConnectorShape) => (shape.rows > 16 ? Math.max(1, Math.round(shape.rows / 5)) : shape.rows);

export function buildConnector(spec: ConnectorSpec, shape: ConnectorShape): Connector {
  switch (spec.kind) {
    case 'mlp':
      return mlpConnector(shape, { tokens: spec.tokens ?? defaultTokens(shape), width: spec.width ?? 512 });
    case 'qformer':
      return qformerConnector(shape, { tokens: spec.tokens ?? defaultTokens(shape), width: spec.width ?? 256, layers: spec.layers ?? 2, heads: spec.heads ?? 4 });
  }
}
