/** Everything a run needs before its first step: data, cached features, vocabulary, backbone, model, encoded examples. */
import { loadSet } from '../data/sets';
import { sourceIdentity } from '../data/sources';
import { loadTokenizer } from '../data/tokenizer';
import type { DataSet, Item, SplitName } from '../data/types';
import type { RunSpec } from '../manifest/run';
import { backboneSource, loadBackbone } from '../models/backbones';
import { connectorRows, connectorSources, connectorStart } from '../models/connectors';
import { findEncoder } from '../models/encoders';
import { featuresOf } from '../models/features';
import { buildModel, type Backbone, type GenerativeModel } from '../models/multimodal';
import { userError } from '../problems';
import { random } from '../random';
import { encodeExample, type BatchShape, type Example, type TextCodec } from './batches';
import { textsOf } from './texts';

export interface Prepared {
  set: DataSet;
  codec: TextCodec;
  backbone: Backbone;
  model: GenerativeModel;
  /** media key -> [rows * width] */ features: (media: string) => Float32Array;
  featureShape: { rows: number; width: number };
  examples: Record<'train' | 'probe', Example[]>;
  items: Record<Exclude<SplitName, 'train'>, Item[]>;
  /** captions of the alignment phase (image sets), encoded */ captions: Example[];
  /** shape of a batch of any of these with the given number of rows */ shape(batch: number): BatchShape;
  /** identities of the weights by source */ weights: Record<string, string>;
}

/** Loads and encodes; the current backend extracts features that are not cached yet. */
export async function prepare(spec: RunSpec, onStage: (stage: string) => void): Promise<Prepared> {
  onStage('data');
  const set = await loadSet(spec.task, onStage);
  onStage('features');
  const rows = connectorRows(spec.connector, findEncoder(spec.encoder).rowChoices);
  const table = await featuresOf(set, spec.encoder, { ...(rows === undefined ? {} : { rows }), onProgress: (done, total) => onStage(`features ${done}/${total}`) });
  onStage('model');
  const tokenizer = await loadTokenizer(spec.backbone);
  const { codec, tokens, labels } = textsOf(set, tokenizer);
  const backbone = await loadBackbone(spec.backbone, tokenizer, codec.vocabulary);
  const model = buildModel(spec, table, backbone, await connectorStart(spec.connector));

  const sequence = model.connector.tokens + tokens;
  if (sequence > backbone.config.context) {
    const longest = set.items.reduce((a, b) => (b.prompt.length + b.answer.length > a.prompt.length + a.answer.length ? b : a));
    throw userError({ where: `task ${spec.task} with backbone ${spec.backbone}`, what: `its longest question takes ${sequence} tokens with the prefix (by letters, ${longest.id})`, expected: `at most ${backbone.config.context}, which the backbone was trained on`, hint: 'shorten that question or its answers, or take another backbone' });
  }
  const split = (name: SplitName) => set.items.filter((item) => item.split === name);
  const encode = (item: Item) => encodeExample(codec, item.media, item.prompt, item.answer);
  const train = split('train').map(encode);
  const captions = set.alignment.flatMap((item) => (item.kind === 'caption' ? [encodeExample(codec, item.media, item.prompt, item.answer)] : []));
  return {
    set, codec, backbone, model, captions,
    features: (media) => table.of(media),
    featureShape: { rows: table.rows, width: table.width },
    // The probe is the same for every method and seed: it belongs to the task.
    examples: { train, probe: random(set.identity, 'probe').shuffle(train).slice(0, spec.measure.probe ?? 24) },
    items: {
      // Shuffled, so that the first few stand for all kinds.
      validation: random(set.identity, 'validation').shuffle(split('validation')),
      evaluation: spec.evaluate.limit ? random(set.identity, 'evaluation').shuffle(split('evaluation')).slice(0, spec.evaluate.limit) : split('evaluation'),
    },
    shape: (batch) => ({ batch, tokens, labels, rows: table.rows, width: table.width, prefixTokens: model.connector.tokens }),
    weights: Object.fromEntries([backboneSource(spec.backbone), findEncoder(spec.encoder).source, ...connectorSources(spec.connector)].map((source) => [source, sourceIdentity(source)])),
  };
}
