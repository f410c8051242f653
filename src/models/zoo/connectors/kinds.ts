/** The connectors that a manifest may choose, between an encoder's features and a backbone's tokens. */
import { kind, type SpecOf } from '../../../parts/define';
import { byRule, oneOf, whole } from '../../../parts/options';

const tokens = (standard: number) => whole('tokens given to the backbone', 1, 256, standard);
const width = (standard: number) => whole('hidden width', 1, 16_384, standard);
const layers = whole('transformer layers', 1, 24, 2);
const start = oneOf(
  "what the Q-Former's self-attention and feed-forward layers start from",
  ['minilm', 'random'],
  'minilm',
);

/** Prefix tokens when a manifest names none: one a 2x2-pooled grid cell (image), one a half second (sound). */
export const tokensByRule = (rows: number): number => (rows > 16 ? Math.max(1, Math.round(rows / 5)) : rows);
const ruledTokens = byRule(
  tokens(4),
  'one a feature row, or one a five rows where there are more than 16: 4 for a picture, 10 for 5 s of sound',
);

/** By the name that manifests use. */
export const connectorKinds = {
  mlp: kind('pooled features through a two-layer perceptron', { tokens: ruledTokens, width: width(512) }),
  qformer: kind('learned queries that attend to the features', {
    tokens: ruledTokens,
    width: width(256),
    layers,
    heads: whole('attention heads; must divide the width', 1, 64, 4),
  }),
  'pixel-shuffle': kind(
    'InternVL: squares of the feature grid become one row each, then norm and two-layer perceptron',
    { width: width(512), factor: whole('side of the squares of feature rows that become one token', 1, 64, 2) },
  ),
  'blip2-qformer': kind('BLIP-2: learned queries look at the whole feature grid; BERT layers, started from MiniLM', {
    tokens: tokens(4),
    layers,
    start,
  }),
  'window-qformer': kind(
    'SALMONN: learned queries look at one window of feature rows at a time; BERT layers, started from MiniLM',
    {
      layers,
      start,
      window: whole('feature rows in a window', 1, 1024, 5),
      queries: whole('learned queries, and so tokens, a window', 1, 64, 1),
    },
  ),
  published: kind("the connector of the run's checkpoint, trained as it stands", {}),
};

/** How the encoder's feature grid becomes prefix tokens of the backbone's width. */
export type ConnectorSpec = SpecOf<typeof connectorKinds>;
