/** The frozen encoder towers by name: what they see, where their weights come from, and how to run them over files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Modality } from '../../data/types';
import { openSource } from '../../sources/sources';
import { userError } from '../../problems';
import { tf, type Tensor } from '../../tensor/tf';
import { readOnnx } from '../weights/onnx';
import { readTfjsLayers } from '../weights/tfjsLayers';
import { logMel, logMelSettings } from './logMel';
import { readPicture, readSoundOf } from './media';
import { pooledRows, resNetGrid, resNetTensors, resNetWeights } from './resnet50';
import { pooledFrames, whisperFeatures, whisperWeights } from './whisper';

/** A tower with its weights on the current backend. */
export interface OpenTower {
  /** Features of each file, rows x width, row by row. `onFile` hears how many are done. Throws UserError for a file it cannot take. */
  extract(files: readonly string[], onFile?: (done: number) => void): Promise<Float32Array[]>;
  /** what was cut or dropped in the files so far; absent for towers that refuse such files */
  notices?: readonly string[];
  /** Gives the weights' memory back. */
  close(): void;
}

export interface EncoderTower {
  modality: Modality;
  /** name of the data manifest of its weights */
  source: string;
  /** grows with any change of the computation, so that stored features are made anew */
  version: number;
  /** feature vectors per file unless asked otherwise */
  rows: number;
  /** numbers of rows that can be asked for */
  rowChoices: readonly number[];
  /** length of one feature vector */
  width: number;
  /** Fetches the weights on first use. Throws UserError for rows that are not a choice. */
  open(rows?: number): Promise<OpenTower>;
}

/** Side of the pictures in pixels, and of the grid of features that ResNet-50 makes of them. */
export const pictureSide = 128;
const gridSide = pictureSide / 32;
const gridWidth = 2048;

/** Sounds are cut to (or filled with silence up to) 5 s: 500 mel frames, 250 positions, 50 rows of 0.1 s. */
const soundSeconds = 5;
const whisperRows = 50;
const whisperWidth = 384;
/** Features come after the second block, which tells sounds apart better than the last (linear probe .70 against .68, .51 against .47 on held-out recordings). */
const whisperBlocks = 2;

const resnet50: EncoderTower = {
  modality: 'image',
  source: 'resnet50-imagenet',
  version: 1,
  // 2 x 2 means of the grid: sixteen rows were slower and no better.
  rows: 4,
  rowChoices: [4, 16],
  width: gridWidth,
  async open(rows = 4) {
    checkRows('resnet50', this, rows);
    const folder = join((await openSource(this.source)).folder, 'ResNet50');
    const weights = resNetWeights(readTfjsLayers(folder), undefined, folder);
    if (weights.width !== gridWidth)
      throw userError({
        where: folder,
        what: `the last grid has ${weights.width} channels`,
        expected: String(gridWidth),
      });
    const tensors = resNetTensors(weights);
    return batchedTower(
      tensors,
      16,
      [pictureSide, pictureSide, 3],
      (file) => readPicture(file, pictureSide),
      (images) => pooledRows(resNetGrid(tensors, weights.blocks, images), Math.sqrt((gridSide * gridSide) / rows)),
    );
  },
};

const whisperTiny: EncoderTower = {
  modality: 'audio',
  source: 'whisper-tiny',
  version: 1,
  rows: whisperRows,
  rowChoices: [whisperRows],
  width: whisperWidth,
  async open(rows = whisperRows) {
    checkRows('whisper-tiny', this, rows);
    const path = join(
      (await openSource(this.source)).folder,
      'models',
      'Xenova',
      'whisper-tiny',
      'onnx',
      'encoder_model_quantized.onnx',
    );
    const { config, tensors: weights } = whisperWeights(readOnnx(readFileSync(path), path), whisperBlocks, path);
    if (config.width !== whisperWidth || config.bands !== logMelSettings.bands)
      throw userError({
        where: path,
        what: `width ${config.width}, ${config.bands} mel bands`,
        expected: `${whisperWidth} and ${logMelSettings.bands}`,
      });
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
    );
    const samples = soundSeconds * logMelSettings.rate;
    const frames = samples / logMelSettings.hop;
    return batchedTower(
      tensors,
      8,
      [frames, config.bands],
      async (file) => logMel(await readSoundOf(file, samples)),
      (mel) => pooledFrames(whisperFeatures(tensors, config, mel), frames / 2 / rows),
    );
  },
};

/** Frozen towers by the name that manifests use. */
export const encoderRegistry: Readonly<Record<string, EncoderTower>> = { resnet50, 'whisper-tiny': whisperTiny };

/** The tower of a name. Throws UserError that lists the known names. */
export function findEncoder(name: string): EncoderTower {
  const found = Object.hasOwn(encoderRegistry, name) ? encoderRegistry[name] : undefined;
  if (found === undefined)
    throw userError({
      where: 'encoder',
      what: `there is no encoder ${JSON.stringify(name)}`,
      expected: `one of ${Object.keys(encoderRegistry).join(', ')}`,
    });
  return found;
}

function checkRows(name: string, { rowChoices }: EncoderTower, rows: number): void {
  if (!rowChoices.includes(rows))
    throw userError({ where: `encoder ${name}`, what: `${rows} rows`, expected: rowChoices.join(' or ') });
}

/** Runs `compute` over files in batches of one size; the last is filled up with zeros so that every batch has the same shape. */
export function batchedTower(
  tensors: Record<string, Tensor>,
  size: number,
  shape: number[],
  read: (file: string) => Promise<Float32Array>,
  compute: (inputs: Tensor) => Tensor,
): OpenTower {
  const length = shape.reduce((product, side) => product * side, 1);
  async function readBatch(files: readonly string[]): Promise<Float32Array> {
    const batch = new Float32Array(size * length);
    (await Promise.all(files.map(read))).forEach((input, i) => batch.set(input, i * length));
    return batch;
  }
  return {
    async extract(files, onFile) {
      const out: Float32Array[] = [];
      for (let from = 0; from < files.length; from += size) {
        const some = files.slice(from, from + size);
        const inputs = tf.tensor(await readBatch(some), [size, ...shape]);
        const outputs = tf.tidy(() => compute(inputs));
        const values = (await outputs.data()) as Float32Array;
        tf.dispose([inputs, outputs]);
        const each = values.length / size;
        some.forEach((_, i) => out.push(values.slice(i * each, (i + 1) * each)));
        onFile?.(out.length);
      }
      return out;
    },
    close: () => tf.dispose(tensors),
  };
}
