/** What the model of a run is put together from: parts of the small zoo, or a published checkpoint. */
import { checkpointIdentity, openCheckpointFolder } from '../sources/checkpoints';
import { sourceIdentity, type OpenOptions } from '../sources/sources';
import type { Tokenizer, PrunedVocabulary } from '../text/tokenizer';
import type { DataSet } from '../data/types';
import type { RunSpec } from '../manifest/run';
import { backboneSource, loadBackbone } from '../models/zoo/backbones';
import { connectorRows, connectorSources, connectorStart } from '../models/zoo/connectors';
import { findEncoder, towerSources } from '../models/zoo/encoders';
import {
  cachedFamilyModel,
  tiledFamilyModel,
  tunedFamilyModel,
  type Family,
  type FamilyModel,
  type StoredFamily,
} from '../models/published/family';
import { withoutTower } from '../models/build';
import { checkpointTower } from '../models/inputs/checkpointTower';
import { featuresBy, featuresOf, type FeatureOptions } from '../models/inputs/features';
import type { FeatureTable } from '../models/inputs/featureTable';
import { inputsInMemory, inputsOf, processorTower } from '../models/inputs/inputs';
import type { GenerativeModel } from '../models/multimodal';
import { isCheckpointTuning, isInStep } from '../models/tuningKinds';
import { zooModel } from '../models/zoo/compose';
import { openProcessor, type Processor } from '../models/published/processors';
import type { StoredTensor } from '../models/weights/weight';
import { conversationCodec, type TextCodec } from './codec';
import { backboneFiles, loadKept, towerInStep } from './frozenWeights';
import type { Tiled } from './sizes';

export interface OpenParts {
  model: GenerativeModel;
  alignmentModel: GenerativeModel;
  tokenEmbedding: StoredTensor;
  /** why weights are not shared with other processes, for run.json */
  notices: string[];
  /** the models in every size, where images are cut into tiles; `model` and `alignmentModel` are not used then */
  tiled?: Tiled & { alignmentModel(items: number): GenerativeModel };
}

/** The model side of a run before its weights are read. */
export interface Parts {
  /**
   * what a run reads of each medium: features of its frozen tower, or pixels or log-mel for one that is run in the step
   */
  inputs(set: DataSet, options: Pick<FeatureOptions, 'onProgress' | 'asked'>): Promise<FeatureTable>;
  /** features of the frozen tower for the alignment phase, where the inputs are others */
  features?(set: DataSet, options: Pick<FeatureOptions, 'onProgress' | 'asked'>): Promise<FeatureTable>;
  /** `tokenEmbedding` [ids of the codec, width] as pretrained */
  open(): Promise<OpenParts>;
  /** identities of the weights by source */
  weights: Record<string, string>;
  /** what is seen or heard otherwise than as published, for run.json */
  notices: string[];
}

/** Encoder, connector and backbone of the small zoo over a pruned vocabulary. */
export function zooParts(spec: RunSpec, tokenizer: Tokenizer, vocabulary: PrunedVocabulary): Parts {
  const tower = findEncoder(spec.encoder);
  const chosen = connectorRows(spec.connector, tower.rowChoices);
  const inStep = isInStep(spec.tuning.tower);
  const features: Parts['inputs'] = (set, options) =>
    featuresOf(set, spec.encoder, { ...(chosen === undefined ? {} : { rows: chosen }), ...options });
  return {
    notices: [],
    weights: Object.fromEntries(
      [backboneSource(spec.backbone), ...towerSources(tower), ...connectorSources(spec.connector)].map((source) => [
        source,
        sourceIdentity(source),
      ]),
    ),
    ...(inStep ? { inputs: (set, options) => inputsOf(set, spec.encoder, options), features } : { inputs: features }),
    async open() {
      const files = backboneFiles(spec);
      const backbone = await loadBackbone(spec.backbone, tokenizer, vocabulary, { files, precision: spec.precision });
      const start = await connectorStart(spec.connector);
      const shape = { rows: chosen ?? tower.rows, width: tower.width };
      const run = inStep ? await towerInStep(spec, tower) : undefined;
      const model = zooModel(spec, shape, backbone, start, run);
      const isAlike = spec.connectorSide === 'encoder' && !inStep;
      return {
        model,
        alignmentModel: isAlike ? model : zooModel(aligning(spec), shape, backbone, start),
        tokenEmbedding: backbone.embedding ?? backbone.weights['tokenEmbedding']!,
        notices: [...(files?.notices ?? []), ...(run?.notices ?? [])],
      };
    },
  };
}

/**
 * What of a run's spec says which of its model's parameters are trained, to which module the connector's belong, and
 * what a step keeps of its forward pass.
 */
type ModelOfRun = Pick<RunSpec, 'connectorSide' | 'tuning' | 'checkpointing'> & Partial<Pick<RunSpec, 'precision'>>;

/** A run as its alignment phase sees it: the connector on the encoder's side, behind a tower that is frozen. */
export const aligning = <S extends ModelOfRun>(spec: S): S => ({
  ...spec,
  connectorSide: 'encoder',
  tuning: { ...spec.tuning, tower: isInStep(spec.tuning.tower) ? { kind: 'frozen' } : spec.tuning.tower },
});

/**
 * A checkpoint's folder with what a run reads of it before its weights. Fetches a published one on first use, unless
 * `offline`. Throws UserError for files that are missing or do not fit, and where images are to be cut into `tiles` that
 * the checkpoint was not made for.
 */
export async function openCheckpoint(
  name: string,
  { tiles = 1, ...options }: OpenOptions & { tiles?: number } = {},
): Promise<{ folder: string; processor: Processor; codec: TextCodec; head: number[] }> {
  const folder = await openCheckpointFolder(name, options);
  const processor = openProcessor(folder, tiles === 1 ? { whole: true } : { tiles });
  return { folder, processor, ...conversationCodec(processor) };
}

/** The tuning of a run, the side of its connector, and what its steps keep and in which precision, as a family knows them. */
export const familyTuning = ({
  tuning: { backbone, ...tuning },
  connectorSide,
  checkpointing,
  precision,
}: ModelOfRun) => ({
  connectorSide,
  checkpointing,
  ...(precision === undefined ? {} : { precision }),
  tuning: { ...tuning, ...(isCheckpointTuning(backbone) ? {} : { backbone }) },
});

/**
 * The model of a run from a published checkpoint; its tower is part of it where something of it is trained. Throws
 * UserError as `buildModel`.
 */
export const familyOfRun = (
  spec: ModelOfRun,
  loaded: Pick<StoredFamily, 'family' | 'weights'>,
  head: readonly number[],
): FamilyModel =>
  (isInStep(spec.tuning.tower) ? tunedFamilyModel : cachedFamilyModel)(loaded, head, familyTuning(spec));

/** The same with room for `items` tiles of an image in each row. */
export const tiledFamilyOfRun = (
  spec: ModelOfRun,
  { family, weights }: Pick<StoredFamily, 'family' | 'weights'>,
  items: number,
): FamilyModel =>
  tiledFamilyModel(
    { family: isInStep(spec.tuning.tower) ? family : withoutTower(family), weights },
    items,
    familyTuning(spec),
  );

/** What stands before the text about an image of so many tiles: the head, and a place for each feature. */
export const tiledLead = ({ featureTokens, placeholder }: Family, head: readonly number[], items: number): number[] => [
  ...head,
  ...Array.from({ length: items * featureTokens }, () => placeholder!),
];

/** How images are seen otherwise than the checkpoint itself would see them; nothing where they are not. */
function tileNotices({ family, tiles: own, mostItems }: Processor, checkpoint: string, tiles: number): string[] {
  if (tiles !== 1)
    return own === tiles
      ? []
      : [
          `images are cut into up to ${tiles} tiles${mostItems > tiles ? ' and a thumbnail' : ''}: checkpoint ${checkpoint} would cut them into up to ${own}`,
        ];
  if (own !== 1)
    return [
      `images are seen whole, as one tile: checkpoint ${checkpoint} would cut them into up to ${own} tiles; "tiles" of a manifest asks for more than one`,
    ];
  return family.tiles !== undefined
    ? [`images are seen whole, as one tile, as checkpoint ${checkpoint} states it; its family cuts them into tiles`]
    : [];
}

/** Tower, connector and language model of a published checkpoint over its whole vocabulary. */
export function checkpointParts(
  spec: RunSpec & { checkpoint: string },
  { folder, processor, head }: Awaited<ReturnType<typeof openCheckpoint>>,
): Parts {
  const { checkpoint } = spec;
  const identity = checkpointIdentity(checkpoint);
  const tower = checkpointTower(folder, processor, identity);
  const inStep = isInStep(spec.tuning.tower);
  // Of all media: their tiles decide the sizes of batches, and the journal names what was cut or dropped in any of them.
  const features: Parts['inputs'] = (set, { asked: _all, ...options }) => featuresBy(set, tower, options);
  return {
    notices: tileNotices(processor, checkpoint, spec.tiles),
    weights: { [checkpoint]: identity },
    ...(inStep
      ? {
          inputs: (set, { asked: _all, ...options }) =>
            featuresBy(set, processorTower(processor, identity), { inMemory: inputsInMemory, ...options }),
          features,
        }
      : { inputs: features }),
    open() {
      const { notices, ...read } = loadKept(
        { checkpoint, folder, identity },
        [...(inStep ? (['tower'] as const) : []), 'connector', 'backbone'],
        spec.precision,
        familyTuning(spec).tuning,
      );
      const loaded = { ...read, family: { ...read.family, placeholder: processor.family.placeholder } };
      const model = familyOfRun(spec, loaded, head);
      const isAlike = spec.connectorSide === 'encoder' && !inStep;
      return Promise.resolve({
        model,
        alignmentModel: isAlike ? model : familyOfRun(aligning(spec), loaded, head),
        tokenEmbedding: loaded.weights['backbone.tokenEmbedding']!,
        notices,
        ...(spec.tiles === 1 ? {} : { tiled: tiledModels(spec, loaded, head) }),
      });
    },
  };
}

/** Models of each size, made once: the sizes of two tasks may be the same. */
function tiledModels(
  spec: RunSpec,
  loaded: Pick<StoredFamily, 'family' | 'weights'>,
  head: readonly number[],
): NonNullable<OpenParts['tiled']> {
  const once = (of: ModelOfRun) => {
    const made = new Map<number, FamilyModel>();
    return (items: number): FamilyModel => {
      const model = made.get(items) ?? tiledFamilyOfRun(of, loaded, items);
      made.set(items, model);
      return model;
    };
  };
  const model = once(spec);
  const isAlike = spec.connectorSide === 'encoder' && !isInStep(spec.tuning.tower);
  return {
    model,
    alignmentModel: isAlike ? model : once(aligning(spec)),
    lead: (items) => tiledLead(loaded.family, head, items),
  };
}
