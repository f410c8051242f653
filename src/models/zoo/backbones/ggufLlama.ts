/** A Llama in a GGUF file as the zoo's decoder reads it. */
import { show } from '../../../printable';
import { userError } from '../../../problems';
import type { GgufFile } from '../../weights/gguf';
import type { WeightTensor } from '../../weights/weight';
import { layerRows, theirName, type NameTable } from '../../checkpoint/names';
import { interleavedToHalf, llamaWeights, type LlamaConfig } from '../../parts/llama';

/** llama.cpp's names of a Llama's weights. */
const ggufNames: NameTable = {
  rows: [
    ['tokenEmbedding', 'token_embd'],
    ['finalNorm', 'output_norm'],
    ['lmHead', 'output'],
    ...layerRows('layers', 'blk', [
      ['attentionNorm', 'attn_norm'],
      ['q', 'attn_q'],
      ['k', 'attn_k'],
      ['v', 'attn_v'],
      ['o', 'attn_output'],
      ['feedForwardNorm', 'ffn_norm'],
      ['gate', 'ffn_gate'],
      ['up', 'ffn_up'],
      ['down', 'ffn_down'],
    ]),
  ],
};

/**
 * The keys of the metadata that say how large a Llama is, and what they must be for these sizes; `undefined` must not
 * be there.
 */
const expectedMetadata = (config: LlamaConfig): Readonly<Record<string, number | string | undefined>> => ({
  'general.architecture': 'llama',
  'llama.embedding_length': config.width,
  'llama.feed_forward_length': config.hiddenWidth,
  'llama.block_count': config.layers,
  'llama.attention.head_count': config.heads,
  'llama.attention.head_count_kv': config.keyValueHeads,
  'llama.rope.dimension_count': config.width / config.heads,
  'llama.rope.freq_base': config.ropeBase,
  'llama.context_length': config.context,
  'llama.attention.layer_norm_rms_epsilon': Math.fround(config.normEpsilon),
  'llama.rope.scaling.type': undefined,
});

/**
 * All weights of a Llama of these sizes by our names, as float32. llama.cpp stores the rows of q and k for the
 * interleaved rotation; they are put in the order of the half-split one. Throws UserError for a file of another model, a
 * weight that is missing, has another shape or is surplus, and values that are not finite.
 */
export function ggufLlama(file: GgufFile, config: LlamaConfig, where: string): Record<string, WeightTensor> {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  for (const [key, value] of Object.entries(expectedMetadata(config)))
    if (file.metadata.get(key) !== value)
      throw bad(`${show(file.metadata.get(key))} as ${key}`, value === undefined ? 'nothing' : `${value}`);
  const wanted = llamaWeights(config);
  const names = new Map(wanted.map(({ name }) => [theirName(ggufNames, name), name]));
  for (const name of file.tensors.keys())
    if (!names.has(name)) throw bad(`tensor ${show(name)} is surplus`, 'the weights of a Llama');
  return Object.fromEntries(
    wanted.map(({ name, shape }) => {
      const theirs = theirName(ggufNames, name);
      const found = file.tensors.get(theirs)?.shape;
      if (found?.join() !== shape.join())
        throw bad(
          `tensor ${show(theirs)} ${found === undefined ? 'is missing' : `has the shape [${found}]`}`,
          `[${shape}]`,
        );
      const { data } = file.read(theirs);
      const heads = { q: config.heads, k: config.keyValueHeads }[name.split('.').at(-1)!];
      return [name, { shape, data: heads === undefined ? data : interleavedToHalf(data, heads, config.width) }];
    }),
  );
}
