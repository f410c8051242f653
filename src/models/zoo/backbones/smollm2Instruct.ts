/**
 * SmolLM2-135M-Instruct (Apache-2.0, Hugging Face): a small Llama that follows instructions, from a GGUF file with its
 * tokenizer. The file holds matrices in 4 bits and the embedding in 8, which become float32: it is the published model
 * as somebody quantised it, not to the last bit.
 */
import { join } from 'node:path';
import { openSource } from '../../../sources/sources';
import { chatMlTokenizer } from '../../../text/chatMl';
import { ggufTokenizer } from '../../../text/tokenizerGguf';
import type { LlamaConfig } from '../../parts/llama';
import { openGguf, type GgufFile } from '../../weights/gguf';
import type { BackboneDefinition } from './backbone';
import { ggufLlama } from './ggufLlama';

const source = 'smollm2-135m-instruct';

/** The system message that the chat template in the file has by default. */
const system = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face';

const config: LlamaConfig = {
  width: 576,
  hiddenWidth: 1536,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  vocabulary: 49_152,
  context: 8192,
  tied: true,
  normEpsilon: 1e-5,
  ropeBase: 100_000,
};

/** Opens the file, fetched on first use, for as long as `use` takes. */
async function opened<T>(use: (file: GgufFile, path: string) => T): Promise<T> {
  const { folder } = await openSource(source);
  const path = join(folder, 'SmolLM2-135M-Instruct.Q4_1.gguf');
  const file = openGguf(path);
  try {
    return use(file, path);
  } finally {
    file.close();
  }
}

export const smollm2Instruct: BackboneDefinition = {
  name: 'smollm2-135m-instruct',
  about:
    'Llama architecture with grouped keys, 135 M parameters, trained to follow instructions; 4-bit weights turned into float32',
  config,
  headTokens: 24,
  source,
  load: () => opened((file, path) => ({ config, weights: ggufLlama(file, config, path) })),
  tokenizer: () =>
    opened((file, path) => chatMlTokenizer(ggufTokenizer(file.metadata, path), system, '<|endoftext|>', path)),
};
