/**
 * Q-Formers of the published kind, as in the families: BLIP-2's, whose learned queries look at all features, and SALMONN's,
 * whose queries look at one window of frames at a time. Layers of MiniLM's size, so that they may start from its weights.
 * Their output, RMS-matched to the token embeddings (see mlp.ts), is the prefix.
 */
import { userError } from '../../problems';
import { gelu, layerNorm, linear, normaliseRms } from '../../tensor/ops';
import type { Initial, ParameterSpec } from '../../tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../../tensor/tf';
import { qformer, qformerParameters, windowQformer, type QformerOptions } from '../parts/qformer';
import { inBert, loadMiniLm, miniLm } from '../weights/minilm';
import type { WeightTensor } from '../weights';
import type { Connector, ConnectorShape } from './connector';
import type { ConnectorSpec } from './kinds';

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
  const norm = (name: string, size: number): ParameterSpec[] => [
    { name, shape: [size], initial: { kind: 'constant', value: 1 } },
    { name: `${name}.bias`, shape: [size], initial: { kind: 'zeros' } },
  ];
  return {
    tokens: window === undefined ? o.queries : Math.floor(shape.rows / window) * o.queries,
    parameters: [
      ...norm('featuresNorm', shape.features),
      // Grids of a convolutional tower carry no positions of their own; Whisper's frames do.
      ...(window === undefined
        ? [
            {
              name: 'positions',
              shape: [shape.rows, shape.features],
              initial: { kind: 'normal', deviation },
            } satisfies ParameterSpec,
          ]
        : []),
      ...qformerParameters(o).map(({ name, shape: sides }): ParameterSpec => ({
        name,
        shape: sides,
        initial: initial(name),
      })),
      { name: 'output', shape: [shape.width, o.width], initial: { kind: 'normal', deviation: 1 / Math.sqrt(o.width) } },
      { name: 'output.bias', shape: [shape.width], initial: { kind: 'zeros' } },
      { name: 'gain', shape: [1], initial: { kind: 'constant', value: shape.embeddingScale } },
    ],
    apply(parameters: Tensors, features: Tensor) {
      const normed = layerNorm(
        features,
        need(parameters, 'featuresNorm'),
        need(parameters, 'featuresNorm.bias'),
        featuresEpsilon,
      );
      const part = { tensors: parameters };
      const seen =
        window === undefined
          ? qformer(part, tf.add(normed, need(parameters, 'positions')), o)
          : windowQformer(part, normed, window, o);
      return tf.mul(
        normaliseRms(linear(seen, need(parameters, 'output'), need(parameters, 'output.bias')), 1e-6),
        need(parameters, 'gain'),
      );
    },
  };
}
