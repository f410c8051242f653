/** To add a backbone: one entry below (reader and configuration), its name in src/manifest/names.ts, its tokenizer in src/text/tokenizer.ts. */
import type { PrunedVocabulary, Tokenizer } from '../../../text/tokenizer';
import { userError } from '../../../problems';
import type { Backbone, Pretrained } from './backbone';
import { loadStories15m } from '../../weights/llama2c';
import { loadMinimind2Small } from './minimind2';
import type { WeightTensor } from '../../weight';
import { interleavedToHalf } from '../../parts/llama';

const pretrained: Record<string, { source: string; load(): Promise<Pretrained> }> = {
  stories15m: {
    source: 'stories15m',
    async load() {
      const { config, tensors } = await loadStories15m();
      const weights = { ...tensors };
      for (let i = 0; i < config.layers; i++) {
        for (const [part, heads] of [
          ['q', config.heads],
          ['k', config.keyValueHeads],
        ] as const) {
          const { shape, data } = tensors[`layers.${i}.${part}`]!;
          weights[`layers.${i}.${part}`] = { shape, data: interleavedToHalf(data, heads, config.width) };
        }
      }
      return { config: { ...config, normEpsilon: 1e-5, ropeBase: 10_000 }, weights };
    },
  },
  'minimind2-small': { source: 'minimind2-small', load: loadMinimind2Small },
};

/** The data manifest that holds a backbone's weights. */
export const backboneSource = (name: string): string => entry(name).source;

/** Pretrained weights over the whole vocabulary, fetched on first use. Throws UserError for an unknown name. */
export const loadWholeBackbone = (name: string): Promise<Pretrained> => entry(name).load();

/** A table over the whole vocabulary with the rows of `ids` replaced by those of a pruned one, which come in the order of `ids`. */
export function withRows({ shape, data }: WeightTensor, ids: readonly number[], rows: WeightTensor): WeightTensor {
  const width = shape[1]!;
  const whole = data.slice();
  ids.forEach((id, row) => whole.set(rows.data.subarray(row * width, (row + 1) * width), id * width));
  return { shape, data: whole };
}

/** Pretrained weights over a pruned vocabulary: rows of the embedding (and output head) in the order of `vocabulary.ids`. */
export async function loadBackbone(
  name: string,
  tokenizer: Tokenizer,
  vocabulary: PrunedVocabulary,
): Promise<Backbone> {
  const { config, weights } = await loadWholeBackbone(name);
  const prune = ({ data }: WeightTensor): WeightTensor => {
    const rows = new Float32Array(vocabulary.ids.length * config.width);
    vocabulary.ids.forEach((id, row) =>
      rows.set(data.subarray(id * config.width, (id + 1) * config.width), row * config.width),
    );
    return { shape: [vocabulary.ids.length, config.width], data: rows };
  };
  const pruned = {
    ...weights,
    tokenEmbedding: prune(weights['tokenEmbedding']!),
    ...(config.tied ? {} : { lmHead: prune(weights['lmHead']!) }),
  };
  return {
    config: { ...config, vocabulary: vocabulary.ids.length },
    weights: pruned,
    beginToken: vocabulary.toPruned.get(tokenizer.begin)!,
  };
}

function entry(name: string): (typeof pretrained)[string] {
  const found = Object.hasOwn(pretrained, name) ? pretrained[name] : undefined;
  if (found === undefined)
    throw userError({
      where: 'backbone',
      what: `no backbone is called ${JSON.stringify(name)}`,
      expected: Object.keys(pretrained).join(', '),
    });
  return found;
}
