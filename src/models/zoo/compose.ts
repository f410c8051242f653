/**
 * The small zoo as compositions: a pretrained tower, whose cached features are the input unless it is tuned, a
 * connector of our own, a small pretrained Llama over a pruned vocabulary.
 */
import type { ModuleName } from '../../modules';
import { buildModel, type Model } from '../build';
import type { Composition, Tuning } from '../composition';
import type { EncoderTower } from './encoders';
import { asFloat32 } from '../../tensor/bfloat16';
import type { Precision } from '../../tensor/precision';
import { llamaDecoder } from '../parts/decoder';
import { isCheckpointTuning, type Checkpointing, type ModelTuning } from '../tuningKinds';
import type { StoredTensor } from '../weights/weight';
import type { Backbone } from './backbones/backbone';
import { buildConnector, type ConnectorSpec, type ConnectorStart } from './connectors';

/** Feature rows and width of an encoder. */
export interface Features {
  rows: number;
  width: number;
}

/** A tower that is run in every step, with its values by their names in it. */
export interface TowerInStep extends Pick<EncoderTower, 'part' | 'input'> {
  weights: Record<string, StoredTensor>;
}

/** A tower in shapes alone, so that a run can be planned. */
export const towerWithoutWeights = ({ part, input }: Pick<EncoderTower, 'part' | 'input'>): TowerInStep => ({
  part,
  input,
  weights: Object.fromEntries(part.parameters.map(({ name, shape }) => [name, { shape, data: new Float32Array(0) }])),
});

/** What names of a tower's parameters begin with. */
const towerStem = 'tower.';

/**
 * From features [B, rows, width] on. `start` as `connectorStart` gives it. Throws UserError for connector options that
 * do not fit the features.
 */
export function zooComposition(
  connectorSpec: ConnectorSpec,
  features: Features,
  { config, weights, embedding: stored = weights['tokenEmbedding']! }: Backbone,
  start?: ConnectorStart,
): Composition {
  const embedding = asFloat32(stored.data);
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
    stems: { tower: towerStem, connector: '', backbone: '' },
    tower: (_part, seen) => seen,
    connector: connector.apply,
    decoder,
    tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone: { kind: 'frozen' } },
  };
}

/** The same behind a tower of which something is trained, from its pixels or log-mel on. */
const behind = (composition: Composition, { part, input }: TowerInStep): Composition => ({
  ...composition,
  input: { shape: [...input.shape] },
  parameters: { ...composition.parameters, tower: [...part.parameters] },
  tower: (own, seen) => part.apply(own, seen, composition.towerFeatures.rows),
});

/** What of a run's spec its model is made of. */
export interface ZooSpec {
  precision?: Precision;
  connector: ConnectorSpec;
  connectorSide?: ModuleName;
  tuning: Pick<ModelTuning, 'backbone'> & Partial<ModelTuning>;
  checkpointing?: Checkpointing;
}

/**
 * The model of a run: [begin token, prefix, text]. With `tower` that is run in every step, else its features are the
 * input. Throws UserError as `zooComposition` and `buildModel`.
 */
export function zooModel(
  spec: ZooSpec,
  features: Features,
  backbone: Backbone,
  start?: ConnectorStart,
  tower?: TowerInStep,
): Model {
  const composition = zooComposition(spec.connector, features, backbone, start);
  const ofTower = Object.entries(tower?.weights ?? {}).map(
    ([name, weight]) => [`${towerStem}${name}`, weight] as const,
  );
  return buildModel(
    tower === undefined ? composition : behind(composition, tower),
    { ...backbone.weights, ...Object.fromEntries(ofTower) },
    {
      layout: { kind: 'question', head: backbone.head, form: 'zoo' },
      // A step reads the rows of an image or sound, which a tower sees in the shape of its input.
      ...(tower === undefined ? {} : { items: 1 }),
      tuning: zooTuning(spec.tuning, tower?.part.adapted),
      ...(spec.precision === undefined ? {} : { precision: spec.precision }),
      ...(spec.connectorSide === undefined ? {} : { connectorSide: spec.connectorSide }),
      ...(spec.checkpointing === undefined ? {} : { checkpointing: spec.checkpointing }),
    },
  );
}

/** `adapted`: the layers to which adapters of the tower go when the run names none. */
function zooTuning(
  { tower, connector, backbone }: ZooSpec['tuning'],
  adapted: readonly string[] = [],
): Partial<Tuning> {
  if (isCheckpointTuning(backbone)) throw new Error('published tuning without a checkpoint');
  const ofTower = tower?.kind === 'lora' ? { ...tower, targets: tower.targets ?? [...adapted] } : tower;
  return {
    backbone,
    ...(ofTower === undefined ? {} : { tower: ofTower }),
    ...(connector === undefined ? {} : { connector }),
  };
}
