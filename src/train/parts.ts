/** What the model of a run is put together from: parts of the small zoo, or a published checkpoint. */
import { checkpointIdentity, openCheckpointFolder } from '../sources/checkpoints';
import { sourceIdentity, type OpenOptions } from '../sources/sources';
import type { Tokenizer, PrunedVocabulary } from '../text/tokenizer';
import type { DataSet } from '../data/types';
import type { ModuleName, RunSpec } from '../manifest/run';
import { backboneSource, loadBackbone } from '../models/zoo/backbones';
import { connectorRows, connectorSources, connectorStart } from '../models/zoo/connectors';
import { findEncoder, towerSources } from '../models/encoders';
import { loadFamily } from '../models/published';
import { cachedFamilyModel } from '../models/published/family';
import { checkpointTower } from '../models/published/tower';
import { featuresBy, featuresOf, type FeatureOptions, type FeatureTable } from '../models/features';
import type { GenerativeModel } from '../models/multimodal';
import { zooModel } from '../models/zoo/compose';
import { openProcessor, type Processor } from '../models/published/processors';
import type { WeightTensor } from '../models/weight';
import { conversationCodec, type TextCodec } from './codec';

/** The model side of a run before its weights are read. */
export interface Parts {
  features(set: DataSet, options: FeatureOptions): Promise<FeatureTable>;
  /** `tokenEmbedding` [ids of the codec, width] as pretrained */
  open(): Promise<{ model: GenerativeModel; alignmentModel: GenerativeModel; tokenEmbedding: WeightTensor }>;
  /** identities of the weights by source */
  weights: Record<string, string>;
  /** what is seen or heard otherwise than as published, for run.json */
  notices: string[];
}

/** Encoder, connector and backbone of the small zoo over a pruned vocabulary. */
export function zooParts(spec: RunSpec, tokenizer: Tokenizer, vocabulary: PrunedVocabulary): Parts {
  const tower = findEncoder(spec.encoder);
  const chosen = connectorRows(spec.connector, tower.rowChoices);
  return {
    notices: [],
    weights: Object.fromEntries(
      [backboneSource(spec.backbone), ...towerSources(tower), ...connectorSources(spec.connector)].map((source) => [
        source,
        sourceIdentity(source),
      ]),
    ),
    features: (set, options) =>
      featuresOf(set, spec.encoder, { ...(chosen === undefined ? {} : { rows: chosen }), ...options }),
    async open() {
      const backbone = await loadBackbone(spec.backbone, tokenizer, vocabulary);
      const start = await connectorStart(spec.connector);
      const modelWith = (connectorSide: ModuleName) =>
        zooModel({ ...spec, connectorSide }, { rows: chosen ?? tower.rows, width: tower.width }, backbone, start);
      const model = modelWith(spec.connectorSide);
      return {
        model,
        alignmentModel: spec.connectorSide === 'encoder' ? model : modelWith('encoder'),
        tokenEmbedding: backbone.weights['tokenEmbedding']!,
      };
    },
  };
}

/** A checkpoint's folder with what a run reads of it before its weights. Fetches a published one on first use, unless `offline`. Throws UserError for files that are missing or do not fit. */
export async function openCheckpoint(
  name: string,
  options: OpenOptions = {},
): Promise<{ folder: string; processor: Processor; codec: TextCodec; head: number[] }> {
  const folder = await openCheckpointFolder(name, options);
  const processor = openProcessor(folder, { whole: true });
  return { folder, processor, ...conversationCodec(processor) };
}

/** The tuning of a run's backbone as a family knows it. */
export const familyTuning = ({ tuning: { backbone } }: Pick<RunSpec, 'tuning'>) =>
  backbone.kind === 'published' ? {} : { tuning: { backbone } };

/** Tower, connector and language model of a published checkpoint over its whole vocabulary; the tower frozen, the connector trained. */
export function checkpointParts(
  spec: RunSpec & { checkpoint: string },
  { folder, processor, head }: Awaited<ReturnType<typeof openCheckpoint>>,
): Parts {
  const { checkpoint } = spec;
  const identity = checkpointIdentity(checkpoint);
  const tower = checkpointTower(folder, processor, identity);
  return {
    notices:
      processor.tiles === 1
        ? []
        : [
            `images are seen whole, as one tile: checkpoint ${checkpoint} would cut them into up to ${processor.tiles} tiles, of which a run has one`,
          ],
    weights: { [checkpoint]: identity },
    features: (set, options) => featuresBy(set, tower, options),
    open() {
      const loaded = loadFamily(folder, ['connector', 'backbone']);
      const model = cachedFamilyModel(
        { ...loaded, family: { ...loaded.family, placeholder: processor.family.placeholder } },
        head,
        familyTuning(spec),
      );
      return Promise.resolve({
        model,
        alignmentModel: model,
        tokenEmbedding: loaded.weights['backbone.tokenEmbedding']!,
      });
    },
  };
}
