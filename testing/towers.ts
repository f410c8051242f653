/**
 * The two tiny towers of test/fixtures/towers, whose outputs and gradients come from PyTorch: the same closed forms as
 * in its make_fixtures.py.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import type { Declared, Part } from '../src/models/parts/part';
import { normedParameters } from '../src/models/parts/normedConvolution';
import { pooledRows, resNetConvolutions, resNetGrid, type ResNetOptions } from '../src/models/parts/resnet';
import {
  pooledFrames,
  whisperBlock,
  whisperFrames,
  whisperParameters,
  type WhisperOptions,
} from '../src/models/parts/whisperEncoder';
import type { WeightTensor } from '../src/models/weights/weight';
import { sizeOf } from '../src/tensor/shape';
import type { Program } from '../src/tensor/program';
import { tf, type Tensor } from '../src/tensor/tf';

/** scale * a number in [-1, 1) that jumps about with name and index, around `middle`. */
export function closedForm(name: string, shape: number[], scale: number, middle = 0): WeightTensor {
  let seed = 0;
  for (const letter of name) seed = (31 * seed + letter.charCodeAt(0)) % 65521;
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const jump = ((seed + 1) * 40503 + i * 60493 + ((i * i) % 65521) * 2741) % 65521;
    return middle + scale * ((2 * jump) / 65521 - 1);
  });
  return { shape, data };
}

export interface TinyTower {
  name: 'resnet' | 'whisper';
  parameters: Declared[];
  weights: Record<string, WeightTensor>;
  input: WeightTensor;
  apply(part: Part, input: Tensor): Tensor;
}

export const tinyResNetOptions: ResNetOptions = {
  stem: 4,
  stages: [
    { blocks: 2, inner: 3, outer: 8 },
    { blocks: 1, inner: 5, outer: 10 },
  ],
  epsilon: 1e-3,
  means: [123.68, 116.779, 103.939],
};

function resNetWeight({ name, shape }: Declared): WeightTensor {
  if (shape.length === 4) return closedForm(name, shape, 1.2 / Math.sqrt(shape[0]! * shape[1]! * shape[2]!));
  if (name.endsWith('.norm.variance')) return closedForm(name, shape, 0.5, 1);
  if (name.endsWith('.norm')) return closedForm(name, shape, 0.3, 1);
  return closedForm(name, shape, /\.norm\.(bias|mean)$/.test(name) ? 0.3 : 0.1);
}

const whisperOptions: WhisperOptions = {
  bands: 6,
  positions: 24,
  layers: 2,
  lastNorm: false,
  block: whisperBlock({ width: 16, hidden: 24, heads: 2 }),
};

function whisperWeight({ name, shape }: Declared): WeightTensor {
  if (name === 'positions') return closedForm(name, shape, 0.5);
  if (name.endsWith('.bias')) return closedForm(name, shape, 0.3);
  if (shape.length === 1) return closedForm(name, shape, 0.3, 1);
  return closedForm(name, shape, 1.5 / Math.sqrt(sizeOf(shape) / shape[0]!));
}

const weightsOf = (parameters: Declared[], weight: (parameter: Declared) => WeightTensor) =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, weight(parameter)]));

const resNetDeclared = normedParameters(resNetConvolutions(tinyResNetOptions));
const whisperDeclared = whisperParameters(whisperOptions);

export const tinyTowers: readonly TinyTower[] = [
  {
    name: 'resnet',
    parameters: resNetDeclared,
    weights: weightsOf(resNetDeclared, resNetWeight),
    input: closedForm('pictures', [2, 32, 32, 3], 127.5, 127.5),
    apply: (part, images) => pooledRows(resNetGrid(part, images, tinyResNetOptions), 2),
  },
  {
    name: 'whisper',
    parameters: whisperDeclared,
    weights: weightsOf(whisperDeclared, whisperWeight),
    input: closedForm('mel', [2, 12, 6], 1),
    apply: (part, mel) => pooledFrames(whisperFrames(part, mel, whisperOptions), 2),
  },
];

/** What PyTorch gave. */
export interface TowerFixture {
  shape: number[];
  outputs: number[];
  loss: number;
  /** of every parameter that is trained, in our layout */
  gradients: Record<string, number[]>;
}

export const towerFixture = ({ name }: TinyTower): TowerFixture =>
  JSON.parse(readFileSync(join(projectRoot, 'test', 'fixtures', 'towers', `${name}.json`), 'utf8')) as TowerFixture;

/** One pass forwards and backwards: outputs `rows`, `loss` and `gradient/NAME` of every parameter that is trained. */
export function towerProgram({ parameters, input, apply }: TinyTower, shape: number[]): Program {
  const trained = parameters.filter(({ use }) => use === undefined).map(({ name }) => name);
  return {
    inputs: {
      input: { shape: input.shape, dtype: 'float32' },
      weights: { shape, dtype: 'float32' },
    },
    reads: parameters.map(({ name }) => name),
    run(inputs, state) {
      const loss = (...tensors: Tensor[]): tf.Scalar => {
        const given = { ...state, ...Object.fromEntries(trained.map((name, i) => [name, tensors[i]!])) };
        return tf.sum(tf.mul(apply({ tensors: given }, inputs['input']!), inputs['weights']!));
      };
      const { value, grads } = tf.valueAndGrads(loss)(trained.map((name) => state[name]!));
      return {
        outputs: {
          rows: apply({ tensors: state }, inputs['input']!),
          loss: value,
          ...Object.fromEntries(trained.map((name, i) => [`gradient/${name}`, grads[i]!])),
        },
      };
    },
  };
}
