/**
 * Reader of TensorFlow.js layers models: `model.json` with the layers and a weights manifest, and binary shards beside
 * it. Source of the format: TensorFlow.js, `io_utils` and the converter's `write_weights`. Both kinds of file are
 * hostile until checked.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { show } from '../../printable';
import { userError } from '../../problems';
import { allFinite, floatsOf, type WeightTensor } from './weight';
import { sizeOf } from '../../tensor/shape';

export interface TfjsLayers {
  /** weights in their stored shapes; convolution kernels are [height, width, in, out], dense kernels [in, out] */
  tensors: Record<string, WeightTensor>;
  /** `config` of every layer by its name, unchecked beyond being an object: read a field with its own check */
  layers: Map<string, Record<string, unknown>>;
}

const longestModel = 64 * 2 ** 20;
const longestWeights = 4 * 2 ** 30;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A shard's name must be a plain file name: a manifest never reaches outside its own folder. */
const isPlainName = (name: unknown): name is string => typeof name === 'string' && /^[\w][\w.-]*$/.test(name);

const isShape = (shape: unknown): shape is number[] =>
  Array.isArray(shape) &&
  shape.length <= 8 &&
  shape.every((side) => Number.isInteger(side) && side >= 0 && side <= 2 ** 31);

interface Group {
  paths: string[];
  weights: { name: string; shape: number[] }[];
}

/**
 * Weights and layer settings of the layers model in `folder`.
 * Throws UserError when a file is missing or too large, the JSON is not a layers model, a shard's name leaves the
 * folder, a weight is quantised or not float32, names repeat, shards are not exactly as long as the weights, or values
 * are not finite.
 */
export function readTfjsLayers(folder: string): TfjsLayers {
  const path = join(folder, 'model.json');
  const bad = (what: string, expected?: string) =>
    userError({ where: path, what, expected, hint: 'fetch the weights again' });
  if (!existsSync(path)) throw bad('it is missing');
  if (statSync(path).size > longestModel) throw bad(`${statSync(path).size} bytes`, `at most ${longestModel}`);
  let model: unknown;
  try {
    model = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw bad('it is not JSON');
  }
  if (!isObject(model) || model['format'] !== 'layers-model')
    throw bad('it is not a layers model', '"format": "layers-model"');

  const tensors: Record<string, WeightTensor> = {};
  for (const { paths, weights } of readGroups(model['weightsManifest'], bad)) {
    const bytes = 4 * weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    if (bytes > longestWeights) throw bad(`its weights take ${bytes} bytes`, `at most ${longestWeights}`);
    const shards = paths.map((name) => join(folder, name));
    for (const shard of shards)
      if (!existsSync(shard)) throw userError({ where: shard, what: 'it is missing', hint: 'fetch the weights again' });
    const found = shards.reduce((sum, shard) => sum + statSync(shard).size, 0);
    if (found !== bytes) throw bad(`the shards hold ${found} bytes`, `${bytes} bytes for the weights that it names`);
    const all = Buffer.concat(shards.map((shard) => readFileSync(shard)));
    let at = 0;
    for (const { name, shape } of weights) {
      if (Object.hasOwn(tensors, name)) throw bad(`weight ${JSON.stringify(name)} is named twice`, 'different names');
      const data = floatsOf(all.subarray(at, at + 4 * sizeOf(shape)));
      if (!allFinite(data))
        throw bad(`weight ${JSON.stringify(name)} holds values that are not numbers`, 'finite float32 values');
      tensors[name] = { shape, data };
      at += 4 * sizeOf(shape);
    }
  }
  return { tensors, layers: readLayers(model['modelTopology'], bad) };
}

function readGroups(manifest: unknown, bad: (what: string, expected?: string) => Error): Group[] {
  if (!Array.isArray(manifest) || manifest.length === 0) throw bad('it has no weights manifest', 'a list of groups');
  return manifest.map((group: unknown) => {
    if (!isObject(group) || !Array.isArray(group['paths']) || !Array.isArray(group['weights']))
      throw bad('a group of the weights manifest is malformed', 'paths and weights');
    const paths: unknown[] = group['paths'];
    const weights = (group['weights'] as unknown[]).map((weight) => {
      if (
        !isObject(weight) ||
        typeof weight['name'] !== 'string' ||
        weight['name'] === '__proto__' ||
        !isShape(weight['shape'])
      )
        throw bad(`weight ${show(weight)} is malformed`, 'a name, a shape and a dtype');
      const { name, shape, dtype, quantization } = weight as {
        name: string;
        shape: number[];
        dtype?: unknown;
        quantization?: unknown;
      };
      if (dtype !== 'float32' || quantization !== undefined)
        throw bad(
          `weight ${show(name)} is ${quantization === undefined ? `of type ${show(dtype)}` : 'quantised'}`,
          'float32',
        );
      return { name, shape };
    });
    for (const name of paths)
      if (!isPlainName(name))
        throw bad(`shard ${JSON.stringify(name)} is not a plain file name`, 'files beside model.json');
    return { paths: paths as string[], weights };
  });
}

function readLayers(topology: unknown, bad: (what: string, expected?: string) => Error): TfjsLayers['layers'] {
  const outer = isObject(topology) && isObject(topology['model_config']) ? topology['model_config'] : topology;
  const config = isObject(outer) ? outer['config'] : undefined;
  const list = isObject(config) ? config['layers'] : config;
  if (!Array.isArray(list)) throw bad('its topology names no layers', 'model_config.config.layers');
  const layers: TfjsLayers['layers'] = new Map();
  for (const layer of list as unknown[]) {
    const settings = isObject(layer) ? layer['config'] : undefined;
    if (!isObject(settings) || typeof settings['name'] !== 'string')
      throw bad('a layer of its topology is malformed', 'a config with a name');
    layers.set(settings['name'], settings);
  }
  return layers;
}
