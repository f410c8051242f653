/**
 * The backbones of the small zoo. To add one: a file beside this one that says everything about it, and a line in the
 * list below.
 */
import { lookUp } from '../../../parts/define';
import { userError } from '../../../problems';
import { headOf, type PrunedVocabulary, type Tokenizer } from '../../../text/tokenizer';
import { alignedFloats } from '../../../tensor/alignedMemory';
import type { Precision } from '../../../tensor/precision';
import { valuesBetween } from '../../../tensor/tensorFile';
import { llamaWeights } from '../../parts/llama';
import { isNarrow } from '../../tuning';
import { frozenTensors, type FrozenFiles } from '../../weights/frozenFiles';
import type { StoredTensor, WeightTensor } from '../../weights/weight';
import type { Backbone, BackboneDefinition, Pretrained } from './backbone';
import { minimind2Small } from './minimind2Small';
import { smollm2Instruct } from './smollm2Instruct';
import { stories15m } from './stories15m';

export type { BackboneDefinition } from './backbone';

const backbones: readonly BackboneDefinition[] = [stories15m, minimind2Small, smollm2Instruct];

/** Backbones by the name that manifests use. */
export const backboneRegistry: Readonly<Record<string, BackboneDefinition>> = Object.fromEntries(
  backbones.map((backbone) => [backbone.name, backbone]),
);

/** The backbone of a name. Throws UserError that lists the known names. */
export function findBackbone(name: string): BackboneDefinition {
  const found = lookUp(backboneRegistry, name);
  if (found === undefined)
    throw userError({
      where: 'backbone',
      what: `no backbone is called ${JSON.stringify(name)}`,
      expected: Object.keys(backboneRegistry).join(', '),
    });
  return found;
}

/** The data manifest that holds a backbone's weights. Throws UserError for an unknown name. */
export const backboneSource = (name: string): string => findBackbone(name).source;

/** The tokenizer of a backbone, fetched with its weights on first use. Throws UserError for an unknown name. */
export const loadTokenizer = async (name: string): Promise<Tokenizer> => findBackbone(name).tokenizer();

/** Pretrained weights over the whole vocabulary, fetched on first use. Throws UserError for an unknown name. */
export const loadWholeBackbone = (name: string): Promise<Pretrained> => findBackbone(name).load();

/** Parameters of a backbone as it was published, its embedding counted once; null for a name that is none of these. */
export function backboneSize(name: string): number | null {
  const found = lookUp(backboneRegistry, name);
  return found === undefined
    ? null
    : llamaWeights(found.config).reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0);
}

/** A backbone with shapes and no values, over a vocabulary of so many tokens. Throws UserError for an unknown name. */
export function backboneWithoutWeights(name: string, vocabulary: number): Backbone {
  const { config: whole, headTokens = 1 } = findBackbone(name);
  const config = { ...whole, vocabulary };
  return {
    config,
    head: Array.from({ length: headTokens }, () => 0),
    weights: Object.fromEntries(
      llamaWeights(config).map(({ name: weight, shape }) => [weight, { shape, data: new Float32Array(0) }]),
    ),
  };
}

/**
 * A table over the whole vocabulary with the rows of `ids` replaced by those of a pruned one, which come in the order
 * of `ids`.
 */
export function withRows({ shape, data }: WeightTensor, ids: readonly number[], rows: WeightTensor): WeightTensor {
  const width = shape[1]!;
  const whole = data.slice();
  ids.forEach((id, row) => whole.set(rows.data.subarray(row * width, (row + 1) * width), id * width));
  return { shape, data: whole };
}

/** How a run keeps the weights of a backbone that it does not train. */
export interface BackboneKeeping {
  files: FrozenFiles | null;
  precision: Precision;
}

/**
 * Pretrained weights over a pruned vocabulary: rows of the embedding (and output head) in the order of
 * `vocabulary.ids`. With `files`, what is frozen is kept there.
 */
export async function loadBackbone(
  name: string,
  tokenizer: Tokenizer,
  vocabulary: PrunedVocabulary,
  { files, precision }: BackboneKeeping = { files: null, precision: 'float32' },
): Promise<Backbone> {
  const { config } = findBackbone(name);
  const { ids } = vocabulary;
  const isWhole = files !== null && ids.length === config.vocabulary;
  const tables = config.tied ? ['tokenEmbedding'] : ['tokenEmbedding', 'lmHead'];
  const wanted = llamaWeights(config).map(({ name: weight, shape }) => ({
    name: weight,
    shape,
    isNarrow: isNarrow(precision, shape) && (isWhole || !tables.includes(weight)),
  }));
  const whole = { name: 'tokenEmbedding', shape: [config.vocabulary, config.width], isNarrow: false };
  const [embedding, ...stored] = await frozenTensors(
    files,
    [whole, ...wanted],
    async () => (await loadWholeBackbone(name)).weights,
  );
  const weights = Object.fromEntries(wanted.map((weight, i) => [weight.name, stored[i]!]));
  if (!isWhole) for (const table of tables) weights[table] = rowsOf(weights[table]!, ids);
  return {
    config: { ...config, vocabulary: ids.length },
    weights,
    ...(isWhole ? { embedding: embedding! } : {}),
    head: headOf(tokenizer).map((id) => vocabulary.toPruned.get(id)!),
  };
}

/** Rows of a table in float32, a copy. */
function rowsOf({ data, shape }: StoredTensor, ids: readonly number[]): WeightTensor {
  const width = shape[1]!;
  const rows = alignedFloats(ids.length * width);
  ids.forEach((id, row) => rows.set(valuesBetween(data, id * width, (id + 1) * width), row * width));
  return { shape: [ids.length, width], data: rows };
}
