/**
 * Everything a run needs before its first step: data, cached features, vocabulary, backbone, model, encoded examples.
 */
import { withWordings } from '../data/instructions';
import { loadSet } from '../data';
import { openSource } from '../sources/sources';
import { metricSources } from '../data/textMetric';
import type { PrunedVocabulary, Tokenizer } from '../text/tokenizer';
import { loadTokenizer } from '../models/zoo/backbones';
import type { DataSet, Item, SplitName } from '../data/types';
import type { RunSpec } from '../manifest/run';
import type { FeatureTable } from '../models/inputs/featureTable';
import type { GenerativeModel } from '../models/multimodal';
import type { StoredTensor } from '../models/weights/weight';
import { userError } from '../problems';
import { askedMedia, chosenOf, evaluationItems } from './asked';
import { encodeExample, type BatchShape, type Example } from './batches';
import type { TextCodec } from './codec';
import { checkpointParts, openCheckpoint, zooParts, type OpenParts, type Parts } from './parts';
import { largest, oneSize, tiledSizes, type Sizes } from './sizes';
import { longestTexts, textsIn, textsOf, type Texts } from './texts';

export interface Prepared {
  set: DataSet;
  codec: TextCodec;
  /** rows of the backbone's token embedding, as pretrained, by the ids of the codec */
  tokenEmbedding: StoredTensor;
  model: GenerativeModel;
  /** what the alignment phase trains */
  alignment: Alignment;
  /** media key -> [rows * width]: features, or pixels or log-mel where the tower is run in the step */
  features: (media: string) => Float32Array;
  featureShape: { rows: number; width: number };
  examples: Record<'train' | 'probe', Example[]>;
  items: Record<Exclude<SplitName, 'train'>, Item[]>;
  /** captions of the alignment phase (image sets), encoded */
  captions: Example[];
  /** the sizes that batches of these have */
  sizes: Sizes;
  /** shape of a batch of any of these with the given number of rows: the biggest size, that of `model` */
  shape(batch: number): BatchShape;
  /** tasks of `evaluate.transfer`, in their order */
  transfer: TransferTask[];
  /** identities of the weights by source */
  weights: Record<string, string>;
}

/**
 * The model with the connector on the encoder's side, behind a tower that is frozen, and its inputs: the same for all
 * tunings of a seed.
 */
export interface Alignment {
  model: GenerativeModel;
  features: (media: string) => Float32Array;
  shape(batch: number): BatchShape;
}

interface OtherTask {
  task: string;
  set: DataSet;
  items: Item[];
}

/** A task on which the run is evaluated without having trained on it. */
export interface TransferTask {
  task: string;
  items: Item[];
  codec: TextCodec;
  features: (media: string) => Float32Array;
  sizes: Sizes;
  notices: string[];
}

/** The sets of a run; `all`: its questions in every wording that training may use. */
async function loadData(
  spec: RunSpec,
  onStage: (stage: string) => void,
): Promise<{ set: DataSet; all: Item[]; others: OtherTask[] }> {
  onStage('data');
  // Before the training, not after it: an evaluation that lacks what its metrics read would lose the run.
  for (const source of new Set([spec.task, ...(spec.evaluate.transfer ?? [])].flatMap(metricSources)))
    await openSource(source);
  const loaded = await loadSet(spec.task, onStage);
  const { set, all } = spec.instructions === 'several' ? withWordings(loaded, spec.seed) : { set: loaded, all: [] };
  return { set, all, others: await loadOthers(spec, onStage) };
}

/**
 * The sets of a run of the small zoo and their texts in the tokens of its backbone. Reads no weights and needs no
 * backend.
 */
export async function loadTexts(
  spec: RunSpec,
  onStage: (stage: string) => void,
): Promise<{ set: DataSet; others: OtherTask[]; tokenizer: Tokenizer; texts: Texts<PrunedVocabulary> }> {
  const { set, all, others } = await loadData(spec, onStage);
  const tokenizer = await loadTokenizer(spec.backbone);
  const read = [...all, ...others.flatMap(({ items }) => items)];
  return { set, others, tokenizer, texts: textsOf(set, tokenizer, spec.vocabulary, read) };
}

/** The sets of a run, their texts, and what its model is put together from. */
async function gather(
  spec: RunSpec,
  onStage: (stage: string) => void,
): Promise<{ set: DataSet; others: OtherTask[]; texts: Texts; parts: Parts }> {
  const { checkpoint } = spec;
  if (checkpoint === undefined) {
    const { tokenizer, ...found } = await loadTexts(spec, onStage);
    return { ...found, parts: zooParts(spec, tokenizer, found.texts.codec.vocabulary) };
  }
  const { set, others } = await loadData(spec, onStage);
  onStage('checkpoint');
  const open = await openCheckpoint(checkpoint, { tiles: spec.tiles });
  return { set, others, texts: textsIn(set, open.codec), parts: checkpointParts({ ...spec, checkpoint }, open) };
}

/** Throws UserError when the longest question of a task, of so many tokens, does not fit into the model's context. */
function requireFit(
  { backbone, tiles }: RunSpec,
  { task, items, sizes }: { task: string; items: readonly Item[]; sizes: Sizes },
): void {
  const { model, shape } = largest(sizes);
  const { tokens, prefixTokens } = shape(1);
  const { context } = model.decoding.decoder;
  const sequence = prefixTokens + tokens;
  if (sequence <= context) return;
  const longest = items.reduce((a, b) =>
    b.prompt.length + b.answer.length > a.prompt.length + a.answer.length ? b : a,
  );
  throw userError({
    where: `task ${task} with backbone ${backbone}`,
    what: `its longest question takes ${sequence} tokens with the prefix (by letters, ${longest.id})`,
    expected: `at most ${context}, which the backbone was trained on`,
    hint:
      tiles === 1
        ? 'shorten that question or its answers, or take another backbone'
        : `its images are cut into up to ${tiles} tiles: ask for fewer`,
  });
}

/** The other tasks, each with its features by the same tower. */
async function prepareTransfer(
  others: readonly OtherTask[],
  {
    spec,
    opened,
    codec,
    parts,
    whole,
  }: { spec: RunSpec; opened: OpenParts; codec: TextCodec; parts: Parts; whole: boolean },
  onStage: (stage: string) => void,
): Promise<TransferTask[]> {
  const transfer: TransferTask[] = [];
  for (const { task, set, items } of others) {
    const found = await parts.inputs(set, {
      onProgress: (done, total) => onStage(`features of ${task} ${done}/${total}`),
      ...(whole ? {} : { asked: new Set(items.map(({ media }) => media)) }),
    });
    const { sizes, codec: its } = sized(opened, codec, found, set, longestTexts(items, codec));
    requireFit(spec, { task, items, sizes });
    transfer.push({
      task,
      items,
      codec: its,
      features: (media) => found.of(media),
      notices: [...(set.notices ?? []), ...found.notices],
      sizes,
    });
  }
  return transfer;
}

/**
 * Loads and encodes; the current backend extracts features that are not cached yet. `asked`: of which run the media are
 * read, so that the features of no others need be there; left out: of all media.
 */
export async function prepare(spec: RunSpec, onStage: (stage: string) => void, asked?: RunSpec): Promise<Prepared> {
  const {
    set,
    others,
    texts: { codec, tokens, labels },
    parts,
  } = await gather(spec, onStage);
  onStage('features');
  const chosen = chosenOf(set, spec);
  const wanted = {
    onProgress: (done: number, total: number) => onStage(`features ${done}/${total}`),
    ...(asked === undefined ? {} : { asked: askedMedia(set, asked, asked === spec ? chosen : chosenOf(set, asked)) }),
  };
  const table = await parts.inputs(set, wanted);
  // Without an alignment phase nobody looks at the features of a tower that is run in the step.
  const aligned = spec.align.steps === 0 ? table : ((await parts.features?.(set, wanted)) ?? table);
  onStage('model');
  const opened = await parts.open();
  const own = sized(opened, codec, table, set, { tokens, labels });
  const { model } = largest(own.sizes);
  requireFit(spec, { task: spec.task, items: set.items, sizes: own.sizes });
  const transfer = await prepareTransfer(others, { spec, opened, codec, parts, whole: asked === undefined }, onStage);
  const encode = ({ media, prompt, answer }: { media: string; prompt: string; answer: string }) =>
    encodeExample(own.codec, media, prompt, answer);
  return {
    set: { ...set, notices: [...(set.notices ?? []), ...parts.notices, ...opened.notices, ...table.notices] },
    codec: own.codec,
    tokenEmbedding: opened.tokenEmbedding,
    model,
    alignment: {
      ...sizedAlignment(opened, own.sizes, aligned, set, { tokens, labels }),
      features: (media) => aligned.of(media),
    },
    captions: set.alignment.flatMap((item) => (item.kind === 'caption' ? [encode(item)] : [])),
    transfer,
    features: (media) => table.of(media),
    featureShape: { rows: table.rows, width: table.width },
    examples: { train: chosen.train.map(encode), probe: chosen.probe.map(encode) },
    items: { validation: chosen.validation, evaluation: chosen.evaluation },
    sizes: own.sizes,
    shape: (batch) => largest(own.sizes).shape(batch),
    weights: parts.weights,
  };
}

/** The sizes of a set's batches, and the codec of its texts, which knows of its images' tiles where they have some. */
function sized(
  { model, tiled }: OpenParts,
  codec: TextCodec,
  table: FeatureTable,
  set: DataSet,
  lengths: Pick<Texts, 'tokens' | 'labels'>,
): { sizes: Sizes; codec: TextCodec } {
  if (tiled === undefined) return { sizes: oneSize(model, plainShape(model, table, lengths)), codec };
  return {
    sizes: tiledSizes(tiled, table, set.media.keys(), lengths),
    codec: { ...codec, lead: (media) => tiled.lead(table.items(media)) },
  };
}

const plainShape =
  (model: GenerativeModel, { rows, width }: FeatureTable, { tokens, labels }: Pick<Texts, 'tokens' | 'labels'>) =>
  (batch: number): BatchShape => ({
    batch,
    tokens,
    labels,
    rows,
    width,
    prefixTokens: model.decoding.before - 1,
  });

/** The alignment phase has one size: that of the run's fullest rows. */
function sizedAlignment(
  { alignmentModel, tiled }: OpenParts,
  own: Sizes,
  table: FeatureTable,
  set: DataSet,
  lengths: Pick<Texts, 'tokens' | 'labels'>,
): Omit<Alignment, 'features'> {
  if (tiled === undefined) return { model: alignmentModel, shape: plainShape(alignmentModel, table, lengths) };
  const { model, shape } = largest(
    tiledSizes({ ...tiled, model: tiled.alignmentModel }, table, set.media.keys(), lengths),
  );
  return { model: tiled.alignmentModel === tiled.model ? largest(own).model : model, shape };
}

/** The evaluation questions of the tasks of `evaluate.transfer`; at most `evaluate.limit` of each. */
async function loadOthers(spec: RunSpec, onStage: (stage: string) => void): Promise<OtherTask[]> {
  const others: OtherTask[] = [];
  for (const task of spec.evaluate.transfer ?? []) {
    onStage(`data of ${task}`);
    const set = await loadSet(task, onStage);
    others.push({ task, set, items: evaluationItems(set, spec) });
  }
  return others;
}
