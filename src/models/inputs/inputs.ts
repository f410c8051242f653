/**
 * What a tower that is tuned computes from, for every medium of a set: pixels or log-mel, read from the files once and
 * kept like features (`features.ts`), so that a step reads a row of a table either way.
 */
import type { DataSet } from '../../data/types';
import { findEncoder, type EncoderTower, type OpenTower } from '../zoo/encoders';
import { featuresBy, type FeatureOptions, type FeatureTower } from './features';
import type { FeatureTable } from './featureTable';
import type { Processor } from '../published/processors';
import { allItems, itemsOf } from './checkpointTower';
import { saidOfFamilies, saidOfTower } from './modelCode';

/** The table's rows and width, which are `input.shape` with all but its last axis run together. */
export function inputRows({ input: { shape } }: { input: { shape: readonly number[] } }): {
  rows: number;
  width: number;
} {
  return { rows: shape.slice(0, -1).reduce((product, side) => product * side, 1), width: shape.at(-1)! };
}

/** A tower that gives its input. */
function inputTower(tower: EncoderTower): FeatureTower {
  const { name, modality, input } = tower;
  return {
    name: `input of ${name}`,
    weights: 'none',
    backend: 'any',
    modality,
    version: input.version,
    ...inputRows({ input }),
    code: saidOfTower(tower),
    open: () => Promise.resolve(readingTower(input.read)),
  };
}

function readingTower(read: (file: string) => Promise<Float32Array>, notices?: string[]): OpenTower {
  return {
    async extract(files, onFile) {
      const found = await Promise.all(files.map((file) => (file === null ? new Float32Array(0) : read(file))));
      onFile?.(found.length);
      return found;
    },
    ...(notices === undefined ? {} : { notices }),
    close: () => undefined,
  };
}

/**
 * What the processor of a published checkpoint makes of a file, items of the family's input; `weights` as for
 * `checkpointTower`.
 */
export const processorTower = (processor: Processor, weights: string): FeatureTower => ({
  name: 'input of published tower',
  weights,
  backend: 'any',
  modality: processor.family.input.name === 'pixel_values' ? 'image' : 'audio',
  version: 1,
  code: saidOfFamilies(),
  ...inputRows(processor.family),
  ...itemsOf(processor),
  open() {
    const notices: string[] = [];
    return Promise.resolve(readingTower(allItems(processor, notices), notices));
  },
});

/**
 * Inputs of more bytes stay on disk: to read one takes nothing beside a pass through the tower, and a set of pictures
 * is 700 MB.
 */
export const inputsInMemory = 2 ** 28;

/**
 * The input of an encoder of the small zoo for every medium of the set, from the cache or read now; 200 kB a medium.
 * Throws as `featuresOf`.
 */
export const inputsOf = (
  set: DataSet,
  encoder: string,
  options: Omit<FeatureOptions, 'rows'> = {},
): Promise<FeatureTable> => featuresBy(set, inputTower(findEncoder(encoder)), { inMemory: inputsInMemory, ...options });
