/**
 * A network for sounds that are no speech, trained on libraries of sound effects (Ma and Lerch 2022, `aisfx`), and the
 * two encoders of SALMONN's form (Tang et al. 2024, section 3.1): Whisper and that network side by side, rows of one time
 * joined. BEATs, which SALMONN has in its place, is published as a pickle of a training program, which is not read.
 */
import { join } from 'node:path';
import { resample } from '../../../data/resample';
import { sampleRate } from '../../../data/audio';
import { userError } from '../../../problems';
import { openSource } from '../../../sources/sources';
import { pickRows } from '../../../tensor/ops';
import { tf, type Tensor } from '../../../tensor/tf';
import { effectsFrames, effectsMel, effectsMelSettings } from '../../parts/effectsMel';
import { foldedWeights, normedParameters } from '../../parts/normedConvolution';
import { soundCnn, soundCnnConvolutions, soundCnnRows, type SoundCnnOptions } from '../../parts/soundCnn';
import { openPytorch, type PytorchFile } from '../../weights/pytorch';
import type { WeightTensor } from '../../weights/weight';
import { readSoundOf } from './media';
import { encoderTower } from './tower';
import { whisperBase } from './whisperHalf';

const options: SoundCnnOptions = { channels: [64, 128, 256, 512], epsilon: 1e-5 };
const convolutions = soundCnnConvolutions(options);
const source = 'aisfx';

/** Sounds are 5 s, as for Whisper: 216 frames of 23 ms, 27 rows of 0.19 s. */
const seconds = 5;
const frames = effectsFrames(seconds * effectsMelSettings.rate);
const rows = soundCnnRows(frames, options);
const { bands } = effectsMelSettings;

/** The file's 16 kHz, at 44.1 kHz: there is nothing above 8 kHz, which the network was trained to hear. */
const melOf = (samples: Float32Array): Float32Array =>
  effectsMel(resample(samples, sampleRate, effectsMelSettings.rate).subarray(0, seconds * effectsMelSettings.rate));

/** A kernel [out, in, height, width] of PyTorch as [height, width, in, out]. */
function turned({ shape, data }: WeightTensor): WeightTensor {
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  const area = height * width;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let at = 0; at < area; at++) out[(at * inputs + i) * outputs + o] = data[(o * inputs + i) * area + at]!;
  return { shape: [height, width, inputs, outputs], data: out };
}

/** The parameters of soundCnn.ts out of the published file. Throws UserError for a tensor of another shape. */
async function weightsOf(file: PytorchFile, where: string): Promise<Record<string, WeightTensor>> {
  const weights: Record<string, WeightTensor> = {};
  const read = async (name: string, shape: readonly number[]): Promise<WeightTensor> => {
    const found = await file.read(`embedding_net.${name}`);
    if (found.shape.join() === shape.join()) return found;
    throw userError({ where, what: `${name} has the shape [${found.shape}]`, expected: `[${shape}]` });
  };
  for (const { name, size, inputs, outputs } of convolutions) {
    const [, block, which] = name.split('.').map(Number) as [number, number, number];
    const [kernel, norm] = [`conv_block${block + 1}.conv${which + 1}`, `conv_block${block + 1}.bn${which + 1}`];
    weights[name] = turned(await read(`${kernel}.weight`, [outputs, inputs, size, size]));
    weights[`${name}.norm`] = await read(`${norm}.weight`, [outputs]);
    weights[`${name}.norm.bias`] = await read(`${norm}.bias`, [outputs]);
    weights[`${name}.norm.mean`] = await read(`${norm}.running_mean`, [outputs]);
    const variance = await read(`${norm}.running_var`, [outputs]);
    if (variance.data.some((value) => value < 0))
      throw userError({ where, what: `${norm} has a negative variance`, expected: 'variances' });
    weights[`${name}.norm.variance`] = variance;
  }
  return weights;
}

async function published(): Promise<Record<string, WeightTensor>> {
  const path = join((await openSource(source)).folder, 'checkpoint.pth');
  const file = await openPytorch(path);
  try {
    return await weightsOf(file, path);
  } finally {
    file.close();
  }
}

export const aisfx = encoderTower({
  file: __filename,
  name: 'aisfx',
  about: 'a convolutional network trained on libraries of sound effects; its rows before the maximum over time',
  modality: 'audio',
  blocks: options.channels.length,
  source,
  quantised: false,
  version: 1,
  rows,
  rowChoices: [rows],
  width: options.channels.at(-1)!,
  input: {
    shape: [frames, bands],
    version: 1,
    read: async (file) => melOf(await readSoundOf(file, seconds * sampleRate)),
  },
  part: {
    parameters: normedParameters(convolutions),
    adapted: [],
    weights: published,
    apply: (part, mel) => soundCnn(part, mel, options),
  },
  batch: 4,
  frozen: (weights) => foldedWeights(weights, convolutions, options.epsilon),
});

/** Places of the network's rows that are nearest in time to the middles of Whisper's. */
const nearest = Array.from({ length: whisperBase.rows }, (_, row) => {
  const middle = ((row + 0.5) / whisperBase.rows) * seconds;
  const long = (effectsMelSettings.hop * frames) / rows / effectsMelSettings.rate;
  return Math.min(rows - 1, Math.floor(middle / long));
});

/** The network's rows [B, 27, width], each as often as it is the nearest: [B, 50, width]. */
function inTime(heard: Tensor): Tensor {
  const [batch, count, width] = heard.shape as [number, number, number];
  const places = Array.from({ length: batch }, (_, one) => nearest.map((row) => one * count + row)).flat();
  const picked = pickRows(tf.reshape(heard, [batch * count, width]), tf.tensor1d(places, 'int32'));
  return tf.reshape(picked, [batch, nearest.length, width]);
}

const [speechLength, effectsLength] = [whisperBase, aisfx].map(({ input }) =>
  input.shape.reduce((product, side) => product * side, 1),
) as [number, number];

/** Both inputs one after the other, and each by itself again. */
function inputsOf(input: Tensor): { speech: Tensor; effects: Tensor } {
  const batch = input.shape[0]!;
  const cut = (from: number, length: number, shape: readonly number[]) =>
    tf.reshape(tf.slice(input, [0, from], [batch, length]), [batch, ...shape]);
  return {
    speech: cut(0, speechLength, whisperBase.input.shape),
    effects: cut(speechLength, effectsLength, aisfx.input.shape),
  };
}

export const whisperBaseAisfx = encoderTower({
  file: __filename,
  name: 'whisper-base-aisfx',
  about:
    "Whisper-base's whole encoder and aisfx side by side, rows of one time joined, as SALMONN has Whisper and BEATs",
  modality: 'audio',
  blocks: whisperBase.blocks,
  source: [whisperBase, aisfx].flatMap((tower) => tower.source ?? []),
  quantised: false,
  version: 1,
  rows: whisperBase.rows,
  rowChoices: whisperBase.rowChoices,
  width: whisperBase.width + aisfx.width,
  input: {
    shape: [speechLength + effectsLength],
    version: 1,
    async read(file) {
      const both = await Promise.all([whisperBase.input.read(file), aisfx.input.read(file)]);
      const out = new Float32Array(speechLength + effectsLength);
      out.set(both[0]);
      out.set(both[1], speechLength);
      return out;
    },
  },
  part: {
    parameters: [...whisperBase.part.parameters, ...aisfx.part.parameters],
    adapted: whisperBase.part.adapted,
    weights: async () => ({ ...(await whisperBase.part.weights()), ...(await aisfx.part.weights()) }),
    apply(part, input, count) {
      const { speech, effects } = inputsOf(input);
      const heard = inTime(aisfx.part.apply(part, effects, aisfx.rows));
      return tf.concat([whisperBase.part.apply(part, speech, count), heard], 2);
    },
  },
  batch: 4,
  frozen: (weights) => ({
    ...Object.fromEntries(whisperBase.part.parameters.map(({ name }) => [name, weights[name]!])),
    ...foldedWeights(weights, convolutions, options.epsilon),
  }),
});
