/**
 * Q-Formers of the published kind, as in the families: BLIP-2's, whose learned queries look at all features, and SALMONN's,
 * whose queries look at one window of frames at a time. Layers of MiniLM's size, so that they may start from its weights.
 * Their output, RMS-matched to the token embeddings (connector.ts), is the prefix.
 */
import type { ConnectorSpec } from './kinds';
import { userError } from '../../../problems';
import { gelu } from '../../../tensor/ops';
import type { Initial } from '../../../tensor/parameters';
import { need, tf } from '../../../tensor/tf';
import { dense, norm } from '../../parts/part';
import { qformer, qformerParameters, windowQformer, type QformerOptions } from '../../parts/qformer';
import { inBert, loadMiniLm, miniLm } from './minilm';
import type { WeightTensor } from '../../weight';
import { linearStart, normStart, sized, sizeParameter } from './connector';
import type { Connector, ConnectorParameter, ConnectorShape } from './connector';

type Kind = 'blip2-qformer' | 'window-qformer';
export type BertQformerSpec = Extract<ConnectorSpec, { kind: Kind }>;

/** Epsilon of the norm before the queries look: PyTorch's default, as in SALMONN's `ln_speech` and BLIP-2's `ln_vision`. */
const featuresEpsilon = 1e-5;
/** BERT's initializer_range, for all that MiniLM does not have. */
const deviation = 0.02;

function options(spec: BertQformerSpec, features: number): QformerOptions {
  return {
    width: miniLm.width,
    hidden: miniLm.hidden,
    heads: miniLm.heads,
    epsilon: miniLm.epsilon,
    activation: gelu,
    features,
    layers: spec.layers,
    queries: spec.kind === 'blip2-qformer' ? spec.tokens : spec.queries,
    // BLIP-2 looks in every second layer, SALMONN in each.
    crossEvery: spec.kind === 'blip2-qformer' ? 2 : 1,
    textLayers: false,
    normFirst: false,
  };
}

/** Whether a connector starts from MiniLM. */
export const startsFromMiniLm = (spec: ConnectorSpec): spec is BertQformerSpec =>
  (spec.kind === 'blip2-qformer' || spec.kind === 'window-qformer') && spec.start === 'minilm';

/** MiniLM's weights for the layers of a connector. Throws UserError for more layers than MiniLM has. */
export function miniLmStart(spec: BertQformerSpec): Promise<Record<string, WeightTensor>> {
  const { layers } = options(spec, 1);
  if (layers > miniLm.layers)
    throw userError({
      where: 'connector.layers',
      what: `${layers} layers`,
      expected: `at most ${miniLm.layers}: MiniLM has no more to start from`,
      hint: 'or set connector.start to random',
    });
  return loadMiniLm(qformerParameters(options(spec, 1)));
}

/** `start`: weights by the names of parts/qformer.ts for what BERT has; without it everything is random. Throws UserError for a window longer than the features. */
export function bertQformerConnector(
  shape: ConnectorShape,
  spec: BertQformerSpec,
  start: Record<string, WeightTensor> | undefined,
): Connector {
  const o = options(spec, shape.features);
  const window = spec.kind === 'window-qformer' ? spec.window : undefined;
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
