/** A learnable toy task without files: features encode the class, the question asks for it. */
import type { AlignmentItem, DataSet, Item, SplitName } from '../src/data/types';
import { pruneVocabulary, type Tokenizer } from '../src/text/tokenizer';
import { filledRun } from '../src/manifest/defaults';
import type { RunSpec } from '../src/manifest/run';
import { zooModel } from '../src/models/zoo/compose';
import { random } from '../src/random';
import { oneSize } from '../src/train/sizes';
import { encodeExample } from '../src/train/batches';
import { prunedCodec } from '../src/train/codec';
import type { Prepared } from '../src/train/prepare';
import { tinyBackbone, tinyConfig } from './tinyModel';

const words = ['<unk>', '<s>', '</s>', 'what', 'is', 'it', 'cat', 'dog', 'red', 'sun', 'old', 'tree'];
const classes = ['cat', 'dog', 'sun'];

/** Words are tokens. */
const wordTokenizer: Tokenizer = {
  vocabulary: words.length,
  begin: 1,
  end: 2,
  unknown: 0,
  answerEnd: 1,
  encode: (text) =>
    text
      .trim()
      .split(' ')
      .map((word) => {
        const id = words.indexOf(word);
        if (id < 0) throw new Error(`no word ${word}`);
        return id;
      }),
  decode: (ids) => [...ids].map((id) => words[id]!).join(' '),
};

export const tinySpec = (over: object = {}): RunSpec =>
  filledRun({
    task: 'emoji-icon-qa',
    encoder: 'resnet50',
    backbone: 'stories15m',
    seed: 1,
    connector: { kind: 'mlp', tokens: 2, width: 12 },
    tuning: { backbone: { kind: 'lora', rank: 2, alpha: 4 } },
    learningRate: { encoder: 1e-2, backbone: 1e-2 },
    align: { steps: 5, learningRate: 1e-2 },
    duration: { steps: 12 },
    batch: 4,
    warmup: 2,
    measure: { every: 3, on: 'batch' },
    evaluate: { every: 6, limit: 0, validation: 8 },
    ...over,
  });

/** Data and model of the toy task; `sound` gives an alignment phase by classes. */
export function tinyPrepared(spec: RunSpec, sound = false): Prepared {
  const rows = 4;
  const width = 6;
  const items: Item[] = (['train', 'validation', 'evaluation'] as SplitName[]).flatMap((split) =>
    Array.from({ length: split === 'train' ? 24 : 9 }, (_, i) => {
      const answer = classes[i % 3]!;
      // two-token answers make the choices of one kind longer than one token
      const long = i % 4 === 3;
      return {
        id: `${split}-${i}`,
        split,
        kind: long ? 'long' : 'short',
        slice: split === 'evaluation' ? 'unseen' : 'train',
        media: `${split}-${i}`,
        prompt: 'what is it',
        answer: long ? `old ${answer}` : answer,
        choices: classes.map((name) => (long ? `old ${name}` : name)),
      };
    }),
  );
  const alignment: AlignmentItem[] = items
    .filter(({ split }) => split === 'train')
    .map(({ media, prompt, answer }) =>
      sound
        ? { kind: 'classes', media, classes: [answer.split(' ').at(-1)!] }
        : { kind: 'caption', media, prompt, answer },
    );
  const set: DataSet = {
    task: spec.task,
    modality: sound ? 'audio' : 'image',
    identity: sound ? 'tiny-sound' : 'tiny',
    items,
    alignment,
    classes: sound ? classes : [],
    media: new Map(),
    sources: [],
  };
  const vocabulary = pruneVocabulary(
    items.flatMap((item) => [item.prompt, ...item.choices]),
    wordTokenizer,
  );
  const codec = prunedCodec(wordTokenizer, vocabulary);
  const config = { ...tinyConfig, vocabulary: vocabulary.ids.length };
  const backbone = { ...tinyBackbone(config), head: [vocabulary.toPruned.get(1)!] };
  const model = zooModel(spec, { rows, width }, backbone);
  const alignmentModel =
    spec.connectorSide === 'encoder'
      ? model
      : zooModel({ ...spec, connectorSide: 'encoder' }, { rows, width }, backbone);
  const featuresOf = (media: string) => features.get(media)!;
  const shape = (batch: number) => ({ batch, tokens: 6, labels: 3, rows, width, prefixTokens: model.prefixTokens });
  const features = new Map(
    items.map(({ media, answer }, i) => {
      const source = random(5, media);
      const direction = classes.indexOf(answer.split(' ').at(-1)!);
      return [
        media,
        Float32Array.from(
          { length: rows * width },
          (_, at) => (at % 3 === direction ? 2 : 0) + 0.3 * source.normal() + 0 * i,
        ),
      ];
    }),
  );
  const train = items
    .filter(({ split }) => split === 'train')
    .map((item) => encodeExample(codec, item.media, item.prompt, item.answer));
  const of = (split: SplitName) => items.filter((item) => item.split === split);
  return {
    set,
    codec,
    tokenEmbedding: backbone.weights['tokenEmbedding']!,
    model,
    alignment: { model: alignmentModel, features: featuresOf, shape },
    features: featuresOf,
    featureShape: { rows, width },
    examples: { train, probe: train.slice(0, 5) },
    items: { validation: of('validation'), evaluation: of('evaluation') },
    captions: sound ? [] : train,
    transfer: [],
    weights: { toy: 'toy' },
    sizes: oneSize(model, shape),
    shape,
  };
}
