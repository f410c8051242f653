/**
 * Q-Former connector (Li et al. 2023, BLIP-2, section 3.1) of any width: learned queries attend to each other and, in
 * every layer, to the encoder's features; their output, RMS-matched to the token embeddings, is the prefix. Pre-norm
 * layers, which train from a random start.
 */
import { whole } from '../../../parts/options';
import { gelu } from '../../../tensor/ops';
import { need, tf } from '../../../tensor/tf';
import { theirName, type NameRow, type NameTable } from '../../checkpoint/names';
import { dense, norm, type Declared } from '../../parts/part';
import { qformer as layersOf, qformerParameters, type QformerOptions } from '../../parts/qformer';
import {
  defineConnector,
  layersOption,
  linearStart,
  normStart,
  ruledTokens,
  sized,
  sizeParameter,
  stored,
  tokensByRule,
  usualStart,
  widthOption,
  type Connector,
  type ConnectorParameter,
  type ConnectorShape,
} from './connector';

const epsilon = 1e-5;

const normRows = (name: string, theirs: string): NameRow[] => [
  [name, `${theirs}.gain`, 'bare'],
  [`${name}.bias`, `${theirs}.bias`, 'bare'],
];

/** What the layers are called in kept runs. */
const names: NameTable = {
  rows: [
    ['queries', 'queries', 'bare'],
    ...normRows('norm', 'norm'),
    ...(['self', 'cross'] as const).flatMap((ours): NameRow[] => [
      ...normRows(`layers.*.${ours}.norm`, `blocks.*.${ours}.norm`),
      [`layers.*.${ours}.q`, `blocks.*.${ours}.query`],
      [`layers.*.${ours}.k`, `blocks.*.${ours}.key`],
      [`layers.*.${ours}.v`, `blocks.*.${ours}.value`],
      [`layers.*.${ours}.o`, `blocks.*.${ours}.output`],
    ]),
    ...normRows('layers.*.feedForward.norm', 'blocks.*.feedForward.norm'),
    ['layers.*.feedForward.up', 'blocks.*.feedForward.hidden'],
    ['layers.*.feedForward.down', 'blocks.*.feedForward.output'],
  ],
};

const started = (declared: Declared): ConnectorParameter => ({
  ...declared,
  stored: theirName(names, declared.name),
  initial: declared.name === 'queries' ? { kind: 'normal', deviation: 1 } : usualStart(declared),
});

function qformerConnector(
  shape: ConnectorShape,
  { tokens, width, layers, heads }: { tokens: number; width: number; layers: number; heads: number },
): Connector {
  const options: QformerOptions = {
    width,
    layers,
    heads,
    epsilon,
    hidden: 4 * width,
    activation: gelu,
    features: width,
    queries: tokens,
    crossEvery: 1,
    textLayers: false,
    normFirst: true,
  };
  const [queries, ...rest] = qformerParameters(options).map(started);
  return {
    tokens,
    parameters: [
      queries!,
      ...stored([...normStart('features.norm', shape.features), ...linearStart('features', width, shape.features)]),
      { name: 'features.positions', shape: [shape.rows, width], initial: { kind: 'normal', deviation: 0.1 } },
      ...rest,
      ...stored(linearStart('output', shape.width, width)),
      sizeParameter('output.gain', shape),
    ],
    apply(part, features) {
      const seen = dense(part, norm(part, features, 'features.norm', epsilon), 'features');
      const placed = tf.add(seen, need(part.tensors, 'features.positions'));
      return sized(part, dense(part, layersOf(part, placed, options), 'output'), 'output.gain');
    },
  };
}

export const qformer = defineConnector({
  file: __filename,
  about: 'learned queries that attend to the features',
  options: {
    tokens: ruledTokens,
    width: widthOption(256),
    layers: layersOption,
    heads: whole('attention heads; must divide the width', 1, 64, 4),
  },
  facts: {
    faults: ({ width, heads }) =>
      width % heads === 0
        ? []
        : [
            {
              option: 'heads',
              what: `${heads} heads do not divide the width ${width}`,
              expected: 'a divisor of the width',
            },
          ],
  },
  make:
    ({ tokens, ...options }) =>
    (shape) =>
      qformerConnector(shape, { tokens: tokens ?? tokensByRule(shape.rows), ...options }),
});
