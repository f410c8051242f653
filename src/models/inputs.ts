/**
 * What a tower that is tuned computes from, for every medium of a set: pixels or log-mel, read from the files once and kept like
 * features (`features.ts`), so that a step reads a row of a table either way.
 */
import type { DataSet } from '../data/types';
import { findEncoder, type EncoderTower } from './encoders';
import { featuresBy, type FeatureOptions, type FeatureTable, type FeatureTower } from './features';

/** The table's rows and width, which are `input.shape` with all but its last axis run together. */
export function inputRows({ input: { shape } }: Pick<EncoderTower, 'input'>): { rows: number; width: number } {
  return { rows: shape.slice(0, -1).reduce((product, side) => product * side, 1), width: shape.at(-1)! };
}

/** A tower that gives its input. */
function inputTower({ name, modality, input, ...tower }: EncoderTower): FeatureTower {
  return {
    name: `input of ${name}`,
    weights: 'none',
    backend: 'any',
    modality,
    version: input.version,
    ...inputRows({ input }),
    ...(tower.code === undefined ? {} : { code: tower.code }),
    open: () =>
      Promise.resolve({
        async extract(files, onFile) {
          const read = await Promise.all(files.map((file) => input.read(file)));
          onFile?.(read.length);
          return read;
        },
        close: () => undefined,
      }),
  };
}

/** Inputs of more bytes stay on disk: to read one takes nothing beside a pass through the tower, and a set of pictures is 700 MB. */
const inMemory = 2 ** 28;

/**
 * The input of an encoder of the small zoo for every medium of the set, from the cache or read now; 200 kB a medium. Throws as
 * `featuresOf`.
 */
export const inputsOf = (
  set: DataSet,
  encoder: string,
  options: Omit<FeatureOptions, 'rows'> = {},
): Promise<FeatureTable> => featuresBy(set, inputTower(findEncoder(encoder)), { inMemory, ...options });
