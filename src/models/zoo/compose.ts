/**
 * The small zoo as compositions: a pretrained tower whose cached features are the input, a connector of our own, a small
 * pretrained Llama over a pruned vocabulary.
 */
import type { ModuleName } from '../../modules';
import { buildModel, type Model } from '../build';
import type { Composition, Tuning } from '../composition';
import { llamaDecoder } from '../parts/decoder';
import type { ModelTuning } from '../tuningKinds';
import type { Backbone } from './backbones/backbone';
import { buildConnector, type ConnectorSpec, type ConnectorStart } from './connectors';

/** Feature rows and width of an encoder. */
export interface Features {
  rows: number;
  width: number;
}

/** From features [B, rows, width] on. `start` as `connectorStart` gives it. Throws UserError for connector options that do not fit the features. */
export function zooComposition(
  connectorSpec: ConnectorSpec,
  features: Features,
  { config, weights }: Backbone,
  start?: ConnectorStart,
): Composition {
  const embedding = weights['tokenEmbedding']!.data;
  const embeddingScale = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0) / embedding.length);
  const connector = buildConnector(
    connectorSpec,
    { rows: features.rows, features: features.width, width: config.width, embeddingScale },
    start,
  );
  const decoder = llamaDecoder(config);
  return {
    input: { shape: [features.rows, features.width] },
    towerFeatures: features,
    featureTokens: connector.tokens,
    parameters: { tower: [], connector: connector.parameters, backbone: decoder.parameters },
    // Names of runs that are kept: connector and backbone without their part.
    stems: { tower: 'tower.', connector: '', backbone: '' },
    tower: (_part, seen) => seen,
    connector: connector.apply,
    decoder,
    tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone: { kind: 'frozen' } },
  };
}

/** What of a run's spec its model is made of. */
export interface ZooSpec {
  connector: ConnectorSpec;
  connectorSide?: ModuleName;
  tuning: ModelTuning;
}

/** The model of a run: [begin token, prefix, text]. Throws UserError as `zooComposition` and `buildModel`. */
export function zooModel(spec: ZooSpec, features: Features, backbone: Backbone, start?: ConnectorStart): Model {
  return buildModel(zooComposition(spec.connector, features, backbone, start), backbone.weights, {
    layout: { kind: 'question', head: [backbone.beginToken] },
    tuning: zooTuning(spec.tuning),
    ...(spec.connectorSide === undefined ? {} : { connectorSide: spec.connectorSide }),
  });
}

function zooTuning({ encoder, backbone }: ModelTuning): Partial<Tuning> {
  if (backbone.kind === 'published') throw new Error('published tuning without a checkpoint');
  return { backbone, ...(encoder === undefined ? {} : { tower: { kind: encoder } }) };
}
