/**
 * Reader of llama2.c checkpoints ("version 0": seven int32, then float32 weights without names).
 * Source of the layout: karpathy/llama2.c, `export.py` (legacy_export) and `run.c` (memory_map_weights).
 */
import { type UserError, userError } from '../../problems';
import { allFinite, floatsOf, type WeightTensor } from './weight';
import { sizeOf } from '../../tensor/shape';

export interface Llama2cConfig {
  width: number;
  hiddenWidth: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  vocabulary: number;
  /** longest sequence seen in training, in tokens */
  context: number;
  /** whether the output head is the token embedding */
  tied: boolean;
}

export interface Llama2cWeights {
  config: Llama2cConfig;
  tensors: Record<string, WeightTensor>;
}

const headerBytes = 7 * 4;

/** Upper limits far above any llama2.c model, so that a forged header cannot make products overflow. */
const limits = {
  width: 65_536,
  hiddenWidth: 262_144,
  layers: 1_024,
  heads: 1_024,
  keyValueHeads: 1_024,
  vocabulary: 4_194_304,
  context: 1_048_576,
};

/** Says what is wrong with the file. */
type Bad = (what: string, expected: string) => UserError;

/** The header of seven whole numbers. Throws UserError for one out of range or that no model could have. */
function readHeader(bytes: Uint8Array, bad: Bad): Llama2cConfig {
  if (bytes.length < headerBytes) throw bad(`${bytes.length} bytes`, `a header of ${headerBytes} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const number = (i: number) => view.getInt32(4 * i, true);
  // A negative vocabulary is how the format says that the output head is a matrix of its own.
  const signedVocabulary = number(5);
  const config: Llama2cConfig = {
    width: number(0),
    hiddenWidth: number(1),
    layers: number(2),
    heads: number(3),
    keyValueHeads: number(4),
    vocabulary: Math.abs(signedVocabulary),
    context: number(6),
    tied: signedVocabulary > 0,
  };
  for (const [name, limit] of Object.entries(limits) as [keyof typeof limits, number][]) {
    if (config[name] < 1 || config[name] > limit) throw bad(`${name} is ${config[name]}`, `1 to ${limit}`);
  }
  const { width, heads, keyValueHeads } = config;
  if (width % heads !== 0 || (width / heads) % 2 !== 0)
    throw bad(`width ${width} with ${heads} heads`, 'an even width for each head');
  if (heads % keyValueHeads !== 0)
    throw bad(
      `${heads} heads with ${keyValueHeads} key-value heads`,
      'a whole number of heads for each key-value head',
    );
  return config;
}

interface StoredWeight {
  name: string;
  shape: number[];
  everyLayer?: true;
  leftOut?: true;
}

/** The order of the file: each kind of weight for all layers at once. */
function fileOrder({
  width,
  hiddenWidth,
  heads,
  keyValueHeads,
  vocabulary,
  context,
  tied,
}: Llama2cConfig): StoredWeight[] {
  const headWidth = width / heads;
  const keyValueWidth = keyValueHeads * headWidth;
  return [
    { name: 'tokenEmbedding', shape: [vocabulary, width] },
    { name: 'attentionNorm', shape: [width], everyLayer: true },
    { name: 'q', shape: [width, width], everyLayer: true },
    { name: 'k', shape: [keyValueWidth, width], everyLayer: true },
    { name: 'v', shape: [keyValueWidth, width], everyLayer: true },
    { name: 'o', shape: [width, width], everyLayer: true },
    { name: 'feedForwardNorm', shape: [width], everyLayer: true },
    { name: 'gate', shape: [hiddenWidth, width], everyLayer: true },
    { name: 'down', shape: [width, hiddenWidth], everyLayer: true },
    { name: 'up', shape: [hiddenWidth, width], everyLayer: true },
    { name: 'finalNorm', shape: [width] },
    { name: 'rotaryTables', shape: [2, context, headWidth / 2], leftOut: true },
    ...(tied ? [] : [{ name: 'lmHead', shape: [vocabulary, width] }]),
  ];
}

/**
 * Weights of a llama2.c checkpoint, in this project's names:
 * `tokenEmbedding` [vocabulary, width], `layers.N.attentionNorm` [width], `layers.N.q` [width, width],
 * `layers.N.k`, `layers.N.v` [keyValueHeads * headWidth, width], `layers.N.o` [width, width],
 * `layers.N.feedForwardNorm` [width], `layers.N.gate`, `layers.N.up` [hiddenWidth, width] (w1, w3),
 * `layers.N.down` [width, hiddenWidth] (w2), `finalNorm` [width], `lmHead` [vocabulary, width] (only when not tied).
 *
 * Matrices are stored [out, in] as in the file (y = W x): transpose for x W. Norms are RMSNorm with epsilon 1e-5.
 * Rotary positions (base 10,000) turn neighbouring pairs (2i, 2i+1) of each head, unlike Hugging Face's layout, whose
 * pairs are (i, i + headWidth/2). The file's tables of rotary cosines and sines are checked for length and left out.
 * Throws UserError for a header out of range or a file that is not exactly as long as its header says, or holds
 * non-numbers.
 */
export function readLlama2c(bytes: Uint8Array, where = 'llama2.c weights'): Llama2cWeights {
  const bad: Bad = (what, expected) => userError({ where, what, expected, hint: 'fetch the weights again' });
  const config = readHeader(bytes, bad);
  const { layers } = config;
  const order = fileOrder(config);
  const floats = order.reduce((sum, { shape, everyLayer }) => sum + sizeOf(shape) * (everyLayer ? layers : 1), 0);
  const expected = headerBytes + 4 * floats;
  if (bytes.length !== expected) throw bad(`${bytes.length} bytes`, `${expected} bytes for the sizes in its header`);

  const tensors: Record<string, WeightTensor> = {};
  let at = headerBytes;
  for (const { name, shape, everyLayer, leftOut } of order) {
    for (let layer = 0; layer < (everyLayer ? layers : 1); layer++) {
      const end = at + 4 * sizeOf(shape);
      if (!leftOut) {
        const key = everyLayer ? `layers.${layer}.${name}` : name;
        const data = floatsOf(bytes.subarray(at, end));
        if (!allFinite(data)) throw bad(`${key} holds values that are not numbers`, 'finite float32 values');
        tensors[key] = { shape: [...shape], data };
      }
      at = end;
    }
  }
  return { config, tensors };
}
