/** The toy task behind a tower that is run in the step: the tiny Whisper whose gradients PyTorch gave. */
import type { RunSpec } from '../src/manifest/run';
import { isInStep } from '../src/models/tuningKinds';
import { zooModel, type TowerInStep } from '../src/models/zoo/compose';
import { random } from '../src/random';
import { tf } from '../src/tensor/tf';
import { aligning } from '../src/train/parts';
import type { BatchShape } from '../src/train/batches';
import type { Prepared } from '../src/train/prepare';
import { oneSize } from '../src/train/sizes';
import { tinyBackbone, tinyConfig } from './tinyModel';
import { tinyPrepared, tinySpec } from './tinyTask';
import { tinyTowers } from './towers';

const tiny = tinyTowers.find(({ name }) => name === 'whisper')!;
const [frames, bands] = tiny.input.shape.slice(1) as [number, number];
/** What the tiny tower makes of a sound. */
const features = { rows: 3, width: 16 };

const tower: TowerInStep = {
  part: {
    parameters: tiny.parameters,
    adapted: ['q', 'v'],
    weights: () => Promise.resolve(tiny.weights),
    apply: (part, mel) => tiny.apply(part, mel),
  },
  input: { shape: [frames, bands], version: 1, read: () => Promise.reject(new Error('there are no files')) },
  weights: tiny.weights,
};

/** Log-mel that encodes the class, as the features of `tinyPrepared` do. */
function melOf(media: string, hint: Float32Array): Float32Array {
  const source = random(5, `mel ${media}`);
  return Float32Array.from({ length: frames * bands }, (_, i) => hint[i % 6]! / 2 + 0.1 * source.normal());
}

/** What the tower gives beforehand, as it is cached. */
function featuresOf(mel: Float32Array): Float32Array {
  return tf.tidy(() => {
    const tensors = Object.fromEntries(
      Object.entries(tiny.weights).map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]),
    );
    return tiny.apply({ tensors }, tf.tensor(mel, [1, frames, bands])).dataSync<'float32'>();
  });
}

/** A run of the toy task with a tiny tower, tuned as it says; `inStep`: run in the step though it is frozen. */
export function tunedPrepared(spec: RunSpec, inStep = isInStep(spec.tuning.tower)): Prepared {
  const base = tinyPrepared(aligning(spec));
  const backbone = {
    ...tinyBackbone({ ...tinyConfig, vocabulary: base.codec.vocabulary.ids.length }),
    head: [base.codec.vocabulary.ids.indexOf(1)],
  };
  const model = zooModel(spec, features, backbone, undefined, inStep ? tower : undefined);
  const mels = new Map(base.set.items.map(({ media }) => [media, melOf(media, base.features(media))]));
  const cached = new Map([...mels].map(([media, mel]) => [media, featuresOf(mel)]));
  const [rows, width] = inStep ? [frames, bands] : [features.rows, features.width];
  const sizes = { tokens: 6, labels: 3, prefixTokens: model.prefixTokens };
  const aligned = { ...features, ...sizes };
  const shape = (batch: number): BatchShape => ({ batch, rows, width, ...sizes });
  return {
    ...base,
    model,
    alignment: {
      model: inStep ? zooModel(aligning(spec), features, backbone) : model,
      features: (media) => cached.get(media)!,
      shape: (batch) => ({ batch, ...aligned }),
    },
    features: (media) => (inStep ? mels : cached).get(media)!,
    featureShape: { rows, width },
    sizes: oneSize(model, shape),
    shape,
  };
}

/** A run with the tower in full. */
export const tunedSpec = (over: object = {}): RunSpec =>
  tinySpec({
    connector: { kind: 'mlp', tokens: 1, width: 12 },
    tuning: { tower: { kind: 'full' }, backbone: { kind: 'lora', rank: 2, alpha: 4 } },
    learningRate: { encoder: 1e-2, backbone: 1e-2 },
    ...over,
  });
