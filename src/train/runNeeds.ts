/**
 * What a run of a manifest needs, from its spec, the configurations of its parts and the lengths of its texts. Reads no
 * weight.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeQuestions } from '../balance/measureKinds';
import { isUnregularised } from '../balance/regularisers';
import { schedulerFacts } from '../balance/schedulers';
import { objectIn } from '../json';
import { cachePath, canonicalJson, sha256, writeWhole } from '../files';
import { checkpointIdentity, isOwnCheckpoint } from '../sources/checkpoints';
import { loadSet, setIdentity, setPath } from '../data';
import { findSource, sourceIdentity, sourceState } from '../sources/sources';
import type { RunSpec } from '../manifest/run';
import { backboneSource, backboneWithoutWeights, findBackbone, loadTokenizer } from '../models/zoo/backbones';
import { llamaWeights } from '../models/parts/llama';
import { connectorRows } from '../models/zoo/connectors';
import { findEncoder } from '../models/zoo/encoders';
import { withoutWeights } from '../models/published/family';
import { usuallyInMemory } from '../models/inputs/features';
import { inputRows, inputsInMemory } from '../models/inputs/inputs';
import { isInStep } from '../models/tuningKinds';
import type { Model } from '../models/build';
import { towerWithoutWeights, zooModel, type Features } from '../models/zoo/compose';
import { sizeOf } from '../tensor/shape';
import { alignClassesProgram } from './align';
import { alignmentSetting } from './alignment';
import type { BatchShape } from './batches';
import { aligning, familyOfRun, openCheckpoint, tiledFamilyOfRun, tiledLead } from './parts';
import { partRatesOf } from './partVectors';
import { scoreProgram, settingOf, type Setting } from './programs';
import { moduleNames } from '../modules';
import { trainProgram } from './trainProgram';
import { resourceNeeds, type ResourceNeeds } from './resources';
import { evaluationRows, tiledShape } from './sizes';
import { textsIn, textsOf } from './texts';

/** Sizes of a task's data as one backbone's tokenizer sees it. */
export interface DataSizes {
  vocabulary: number;
  tokens: number;
  labels: number;
  media: number;
  items: number;
  classes: number;
  captions: number;
}

/** Taken where the data of a task is not there yet: about what the small sets have. */
const assumedSizes: DataSizes = {
  vocabulary: 3000,
  tokens: 64,
  labels: 8,
  media: 4000,
  items: 4000,
  classes: 0,
  captions: 1,
};

const assumedFor = ({ checkpoint, backbone, vocabulary }: RunSpec): DataSizes =>
  checkpoint === undefined && vocabulary === 'whole'
    ? { ...assumedSizes, vocabulary: findBackbone(backbone).config.vocabulary }
    : assumedSizes;

/**
 * Bytes that one item of a set (texts, tokens, tables by name) takes in JavaScript: measured on the two sets of the
 * quickstart.
 */
const itemBytes = 4000;

export interface RunNeeds extends ResourceNeeds {
  /** true when the data was not in the cache and its sizes are a guess */
  assumed: boolean;
  /** runs of which this is the same hold `memory.shared` together: checkpoint or backbone, in its precision */
  model: string;
}

/**
 * Sizes of a task's data, from the cache of such sizes, or measured and put there; null when the data or the tokenizer
 * is not in the cache.
 */
async function dataSizes({ task, backbone, checkpoint, vocabulary }: RunSpec): Promise<DataSizes | null> {
  const tokenizer =
    checkpoint === undefined ? sourceIdentity(backboneSource(backbone)) : checkpointIdentity(checkpoint);
  const of = checkpoint === undefined && vocabulary === 'whole' ? { vocabulary } : {};
  const identity = sha256(canonicalJson({ set: setIdentity(task), tokenizer, ...of }));
  const path = cachePath('texts', `${identity.slice(0, 32)}.json`);
  const known = existsSync(path) ? objectIn(readFileSync(path, 'utf8')) : null;
  if (known !== null && Object.keys(assumedSizes).every((name) => Number.isSafeInteger(known[name])))
    return known as unknown as DataSizes;
  const isHere =
    checkpoint === undefined
      ? sourceState(findSource(backboneSource(backbone))) !== 'absent'
      : isOwnCheckpoint(checkpoint) || sourceState(findSource(checkpoint)) === 'ready';
  if (!existsSync(join(setPath(task), 'card.json')) || !isHere) return null;
  const set = await loadSet(task);
  const { codec, tokens, labels } =
    checkpoint === undefined
      ? textsOf(set, await loadTokenizer(backbone), vocabulary)
      : textsIn(set, (await openCheckpoint(checkpoint, { offline: true })).codec);
  const sizes: DataSizes = {
    vocabulary: codec.vocabulary.ids.length,
    tokens,
    labels,
    media: set.media.size,
    items: set.items.length,
    classes: set.classes.length,
    captions: set.alignment.filter(({ kind }) => kind === 'caption').length,
  };
  writeWhole(path, canonicalJson(sizes));
  return sizes;
}

/**
 * A function that gives the needs of runs; each kind of run is worked out once. Rejects with UserError for a part whose
 * configuration is not known.
 */
export function needsOfRuns(backend: string): (spec: RunSpec) => Promise<RunNeeds> {
  const sizes = new Map<string, Promise<DataSizes | null>>();
  const known = new Map<string, Promise<RunNeeds>>();
  return (spec) => {
    const data = `${spec.task} ${spec.backbone} ${spec.vocabulary}`;
    const key = canonicalJson([
      data,
      spec.tiles,
      spec.encoder,
      spec.connector,
      spec.connectorSide,
      spec.tuning,
      partRatesOf(spec),
      spec.optimiser,
      spec.precision,
      spec.kernels,
      schedulerFacts(spec.scheduler.kind).gradientNoise ?? null,
      schedulerFacts(spec.scheduler.kind).parameterNorms === true,
      spec.regulariser.kind,
      spec.measure,
      spec.batch,
      spec.accumulate,
      spec.checkpointing,
      spec.align.steps > 0,
      spec.align.batch,
    ]);
    const sized = sizes.get(data) ?? dataSizes(spec);
    sizes.set(data, sized);
    const needs =
      known.get(key) ??
      sized.then(async (found) => {
        const used = found ?? assumedFor(spec);
        const needed = needsOfModel(spec, await plannedModel(spec, used), used, backend);
        const model = `${spec.checkpoint ?? spec.backbone} ${spec.precision}`;
        return { ...needed, assumed: found === null, model };
      });
    known.set(key, needs);
    return needs;
  };
}

/** Parameters of a backbone's weight file, all of its vocabulary among them. */
const fileParameters = (name: string): number =>
  llamaWeights(findBackbone(name).config).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** A run's model in shapes alone. */
interface PlannedModel {
  model: Model;
  /** as the alignment phase trains it */
  alignmentModel: Model;
  /** rows and width of what a step reads of an image or sound */
  inputs: Features;
  /** in the weight file */
  parameters: number;
  /** the fullest row of a batch, where images are cut into tiles: so many of them, and tokens before the text */
  tiled?: { items: number; lead: number };
}

function plannedZoo(spec: RunSpec, sizes: DataSizes): PlannedModel {
  const tower = findEncoder(spec.encoder);
  const features = { rows: connectorRows(spec.connector, tower.rowChoices) ?? tower.rows, width: tower.width };
  const backbone = backboneWithoutWeights(spec.backbone, sizes.vocabulary);
  const inside = isInStep(spec.tuning.tower) ? towerWithoutWeights(tower) : undefined;
  return {
    model: zooModel(spec, features, backbone, undefined, inside),
    alignmentModel: zooModel(aligning(spec), features, backbone),
    inputs: inside === undefined ? features : inputRows(tower),
    parameters: fileParameters(spec.backbone),
  };
}

async function plannedModel(spec: RunSpec, sizes: DataSizes): Promise<PlannedModel> {
  if (spec.checkpoint === undefined) return plannedZoo(spec, sizes);
  const { processor, head } = await openCheckpoint(spec.checkpoint, { offline: true, tiles: spec.tiles });
  const { family, mostItems: items } = processor;
  const bare = withoutWeights(family);
  const modelOf = (of: RunSpec) => (spec.tiles === 1 ? familyOfRun(of, bare, head) : tiledFamilyOfRun(of, bare, items));
  return {
    model: modelOf(spec),
    alignmentModel: modelOf(aligning(spec)),
    ...(spec.tiles === 1 ? {} : { tiled: { items, lead: tiledLead(family, head, items).length } }),
    inputs: isInStep(spec.tuning.tower) ? inputRows(family) : family.towerFeatures,
    // Its tensors are read one at a time: nothing of the file is held beside them.
    parameters: 0,
  };
}

/** The needs of one run of the small zoo, given the sizes of its data. */
export const needsOf = (spec: RunSpec, sizes: DataSizes, backend: string): ResourceNeeds =>
  needsOfModel(spec, plannedZoo(spec, sizes), sizes, backend);

function needsOfModel(
  spec: RunSpec,
  { model, alignmentModel, inputs, parameters, tiled }: PlannedModel,
  sizes: DataSizes,
  backend: string,
): ResourceNeeds {
  const {
    decoder: { vocabulary, width },
    towerFeatures,
  } = model.composition;
  const setting = settingOf(spec, model, vocabulary);
  const phase: Setting = alignmentSetting(setting, alignmentModel);
  const { tokens, labels } = sizes;
  const items = tiled?.items ?? 1;
  const shape = (batch: number, { rows, width: wide }: Features = inputs): BatchShape =>
    tiled === undefined
      ? { batch, tokens, labels, rows, width: wide, prefixTokens: model.decoding.before - 1 }
      : tiledShape({ batch, tokens, labels }, tiled.lead, items, { rows, width: wide });
  const inMemory = inputs === towerFeatures ? usuallyInMemory : inputsInMemory;
  const questions = probeQuestions(spec.measure);
  const probe = questions === 0 ? null : shape(questions);
  const isBeside = spec.measure.on === 'batch';
  const bySound = sizes.captions === 0;
  const words = Array.from({ length: sizes.classes }, () => new Float32Array(width));
  return resourceNeeds({
    model,
    backend,
    kernels: backend === 'tensorflow' ? spec.kernels : 'plain',
    optimiser: spec.optimiser,
    regularised: !isUnregularised(spec.regulariser),
    // A weight file is in memory twice while it is read: its bytes, and its tensors before the vocabulary is pruned.
    dataBytes:
      Math.min(inMemory, 4 * sizes.media * items * inputs.rows * inputs.width) +
      itemBytes * sizes.items +
      2 * 4 * parameters,
    programs: {
      train: trainProgram(setting, shape(spec.batch), moduleNames, null),
      measured: trainProgram(setting, shape(spec.batch), moduleNames, {
        variant: spec.measure.variant,
        probe,
        isBeside,
      }),
      score: scoreProgram(setting, shape(evaluationRows(items))),
      ...(spec.align.steps === 0
        ? {}
        : {
            align: bySound
              ? alignClassesProgram(phase, shape(spec.align.batch, towerFeatures), words)
              : trainProgram(phase, shape(spec.align.batch, towerFeatures), ['encoder'], null),
          }),
    },
  });
}
