/** MiniMind2-Small: a Llama from an ONNX export with 8-bit weights, turned into float32 once and kept in the cache. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSource, sourceIdentity } from '../../../sources/sources';
import { byteLevelTokenizer } from '../../../text/tokenizer';
import { readTokenizerFolder } from '../../../text/tokenizerJson';
import { cachePath, canonicalJson, sha256, writeWhole } from '../../../files';
import { codeOf, saidCode, type Code } from '../../../parts/code';
import { userError } from '../../../problems';
import { llamaConfigOf } from '../../parts/decoder';
import { causalLlama } from './huggingFace';
import { llamaWeights, type LlamaConfig } from '../../parts/llama';
import { readConfig } from '../../checkpoint/checkpoint';
import { readFields } from '../../checkpoint/config';
import { theirName } from '../../checkpoint/names';
import { readSafetensors, writeSafetensors } from '../../weights/safetensors';
import { readOnnx, type OnnxWeights } from '../../weights/onnx';
import { namedWeights } from '../../weights/onnxNamed';
import { transposed, type WeightTensor } from '../../weights/weight';
import { sizeOf } from '../../../tensor/shape';
import type { BackboneDefinition, Pretrained } from './backbone';

const source = 'minimind2-small';

/** Grows with any change of what is made of a file, so that the cache is made anew. */
const importVersion = 1;

/**
 * All weights of a Llama exported by transformers, by our names, matrices [out, in]. Throws UserError when one is
 * missing or has another shape than `config` says. The output head is the token embedding: an export may hold a copy,
 * quantised apart, which is left out.
 */
export function onnxLlamaWeights(
  onnx: OnnxWeights,
  config: LlamaConfig,
  where = 'ONNX Llama',
): Record<string, WeightTensor> {
  if (!config.tied)
    throw userError({
      where,
      what: 'the output head is a matrix of its own',
      expected: 'one that is the token embedding',
    });
  const named = namedWeights(onnx, 'a Llama exported by transformers', where);
  return Object.fromEntries(
    llamaWeights(config).map(({ name, shape }) => {
      const published = theirName(causalLlama, name);
      const isLinear = shape.length === 2 && name !== 'tokenEmbedding';
      return [
        name,
        isLinear
          ? transposed(named.matrix(published.replace(/\.weight$/, ''), [shape[1]!, shape[0]!]))
          : named.weight(published, 0, shape),
      ];
    }),
  );
}

/**
 * MiniMind2-Small (Apache-2.0, J. Gong): 26 M parameters, 8 layers, width 512, 8 heads on 2 pairs of keys and values,
 * vocabulary 6,400. Fetches on first use; the float32 weights are kept in the cache under the identity of the package.
 */
/** What is said of this file's code: weights that other code made are not taken for its own. */
function said(): { code?: Code } {
  const room = { rooms: ['src/models/zoo/', 'src/models/parts/'], lists: ['src/models/zoo/backbones/index.ts'] };
  const code = saidCode(codeOf([__filename], room));
  return code === undefined ? {} : { code };
}

async function load(): Promise<Pretrained> {
  const { folder } = await openSource(source);
  const config = readFields(readConfig(folder), join(folder, 'config.json'), (fields) => {
    if (fields.text('model_type', '') !== 'llama') fields.bad('model_type', 'llama');
    return llamaConfigOf(fields, 'llama', fields.flag('tie_word_embeddings', false));
  });
  const path = join(folder, 'onnx', 'model_quantized.onnx');
  const kept = cachePath(
    'weights',
    `${sha256(canonicalJson({ source, identity: sourceIdentity(source), importVersion, ...said() })).slice(0, 32)}.safetensors`,
  );
  if (existsSync(kept)) {
    const { tensors } = readSafetensors(readFileSync(kept), kept);
    for (const { name, shape } of llamaWeights(config)) {
      if (tensors[name]?.data.length !== sizeOf(shape))
        throw userError({
          where: kept,
          what: `no weight ${name} of shape [${shape}]`,
          expected: 'the weights as they were stored',
          hint: 'delete the file; it is made again',
        });
    }
    return { config, weights: { ...tensors } };
  }
  const weights = onnxLlamaWeights(readOnnx(readFileSync(path), path), config, path);
  writeWhole(kept, writeSafetensors(weights));
  return { config, weights };
}

export const minimind2Small: BackboneDefinition = {
  file: __filename,
  name: 'minimind2-small',
  about: 'Llama architecture with grouped keys, 26 M parameters, trained on Chinese and English text and chats',
  config: {
    width: 512,
    hiddenWidth: 1408,
    layers: 8,
    heads: 8,
    keyValueHeads: 2,
    vocabulary: 6400,
    context: 32_768,
    tied: true,
    normEpsilon: 1e-5,
    ropeBase: 1_000_000,
  },
  source,
  load,
  async tokenizer() {
    const { folder } = await openSource(source);
    return byteLevelTokenizer(
      readTokenizerFolder(folder),
      { begin: '<|im_start|>', end: '<|im_end|>', unknown: '<|endoftext|>' },
      folder,
    );
  },
};
