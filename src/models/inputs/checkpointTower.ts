/** The tower of a published checkpoint, run over files: its features are cached like those of the small zoo. */
import { tf } from '../../tensor/tf';
import { parametersOf } from '../composition';
import { batchedTower } from '../zoo/encoders';
import type { FeatureTower } from './features';
import type { Processor } from '../published/processors';
import { loadFamily } from '../published/index';

/** Images or sounds in a pass. */
const batch = 4;

/**
 * The tower of the checkpoint in `folder`, whose processor makes one item of each file; `weights` is the checkpoint's
 * identity, which covers its processor. Opening reads the weights of the tower alone.
 */
export function checkpointTower(folder: string, { family, read }: Processor, weights: string): FeatureTower {
  return {
    name: 'published tower',
    weights,
    version: 1,
    modality: family.input.name === 'pixel_values' ? 'image' : 'audio',
    ...family.towerFeatures,
    open() {
      const notices: string[] = [];
      const { weights } = loadFamily(folder, ['tower']);
      const tensors = Object.fromEntries(
        parametersOf(family).flatMap(({ name, own }) => {
          const weight = weights[name];
          return weight === undefined ? [] : [[own, tf.tensor(weight.data, weight.shape, 'float32')]];
        }),
      );
      const tower = batchedTower(tensors, batch, family.input.shape, onlyItem(read, notices), (inputs) =>
        family.tower({ tensors }, inputs),
      );
      return Promise.resolve({ ...tower, notices });
    },
  };
}

/** Reads the one item that a file becomes, and adds to `notices` what was cut or dropped. Throws Error for several. */
export function onlyItem(read: Processor['read'], notices: string[]): (file: string) => Promise<Float32Array> {
  return async (file) => {
    const medium = await read(file);
    const [item] = medium.items;
    if (item === undefined || medium.items.length > 1) throw new Error(`${file} became ${medium.items.length} items`);
    notices.push(...medium.notices);
    return item;
  };
}
