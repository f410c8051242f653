/**
 * Q-Formers of the published kind, as in the families: BLIP-2's, whose learned queries look at all features, and
 * SALMONN's, whose queries look at one window of frames at a time. Layers of MiniLM's size, so that they may start from
 * its weights. Their output, RMS-matched to the token embeddings (connector.ts), is the prefix.
 */
import { oneOf } from '../../../parts/options';
import { userError } from '../../../problems';
import { gelu } from '../../../tensor/ops';
import type { Initial } from '../../../tensor/parameters';
import { need, tf } from '../../../tensor/tf';
import { dense, norm } from '../../parts/part';
import { qformer, qformerParameters, windowQformer, type QformerOptions } from '../../parts/qformer';
import { inBert, loadMiniLm, miniLm } from './minilm';
import { linearStart, normStart, sized, sizeParameter } from './connector';
import type {
  Connector,
  ConnectorFacts,
  ConnectorParameter,
  ConnectorShape,
  ConnectorStart,
  PretrainedStart,
} from './connector';

/** What a Q-Former's layers start from: an option of both kinds. */
export const startOption = oneOf(
  "what the Q-Former's self-attention and feed-forward layers start from",
  ['minilm', 'random'],
  'minilm',
);

/** Where the two published kinds differ. */
export interface BertQformer {
  layers: number;
  queries: number;
  /** the queries look at the features in every so many layers: BLIP-2 in every second, SALMONN in each */
  crossEvery: number;
  /** feature rows that the queries look at at a time; absent: all, with learned positions */
  window?: number;
}

/**
 * Epsilon of the norm before the queries look: PyTorch's default, as in SALMONN's `ln_speech` and BLIP-2's `ln_vision`.
 */
const featuresEpsilon = 1e-5;
/** BERT's initializer_range, for all that MiniLM does not have. */
const deviation = 0.02;

function options({ layers, queries, crossEvery }: BertQformer, features: number): QformerOptions {
  return {
    width: miniLm.width,
    hidden: miniLm.hidden,
    heads: miniLm.heads,
    epsilon: miniLm.epsilon,
    activation: gelu,
    features,
    layers,
    queries,
    crossEvery,
    textLayers: false,
    normFirst: false,
  };
}

/** What a manifest says of the start. */
interface StartOptions {
  start: 'minilm' | 'random';
  layers: number;
}

/** The facts of a connector that may start from MiniLM's weights; `of` gives its sizes. */
export const miniLmFacts = <Values extends StartOptions>(
  of: (options: Values) => BertQformer,
): Required<Pick<ConnectorFacts<Values>, 'start' | 'faults'>> => ({
  start: (chosen): PretrainedStart | undefined =>
    chosen.start === 'random'
      ? undefined
      : { source: miniLm.source, load: async () => loadMiniLm(qformerParameters(options(of(chosen), 1))) },
  faults: ({ start, layers }) =>
    start === 'random' || layers <= miniLm.layers
      ? []
      : [
          {
            option: 'layers',
            what: `${layers} layers that start from MiniLM`,
            expected: `at most ${miniLm.layers}`,
            hint: 'or "start": "random"',
          },
        ],
});

/**
 * `start`: weights by the names of parts/qformer.ts for what BERT has; without it everything is random. Throws
 * UserError for a window longer than the features.
 */
export function bertQformerConnector(
  shape: ConnectorShape,
  sizes: BertQformer,
  start: ConnectorStart | undefined,
): Connector {
  const o = options(sizes, shape.features);
  const { window } = sizes;
  if (window !== undefined && window > shape.rows)
    throw userError({
      where: 'connector.window',
      what: `windows of ${window} rows`,
      expected: `at most the ${shape.rows} rows of features`,
    });
  const initial = (name: string): Initial => {
    const given = inBert(name) ? start?.[name] : undefined;
    if (given !== undefined) return { kind: 'value', data: given.data };
    if (name.endsWith('.bias')) return { kind: 'zeros' };
    return /(^|\.)norm$/.test(name) ? { kind: 'constant', value: 1 } : { kind: 'normal', deviation };
  };
  return {
    tokens: window === undefined ? o.queries : Math.floor(shape.rows / window) * o.queries,
    parameters: [
      ...normStart('featuresNorm', shape.features),
      // Grids of a convolutional tower carry no positions of their own; Whisper's frames do.
      ...(window === undefined
        ? [
            {
              name: 'positions',
              shape: [shape.rows, shape.features],
              initial: { kind: 'normal', deviation },
            } satisfies ConnectorParameter,
          ]
        : []),
      ...qformerParameters(o).map((declared) => ({ ...declared, initial: initial(declared.name) })),
      ...linearStart('output', shape.width, o.width),
      sizeParameter('gain', shape),
    ],
    apply(part, features) {
      const normed = norm(part, features, 'featuresNorm', featuresEpsilon);
      const seen =
        window === undefined
          ? qformer(part, tf.add(normed, need(part.tensors, 'positions')), o)
          : windowQformer(part, normed, window, o);
      return sized(part, dense(part, seen, 'output'), 'gain');
    },
  };
}
