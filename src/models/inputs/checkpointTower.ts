/** The tower of a published checkpoint, run over files: its features are cached like those of the small zoo. */
import { tf } from '../../tensor/tf';
import { parametersOf } from '../composition';
import { batchedTower, joined } from '../zoo/encoders';
import type { FeatureTower } from './features';
import type { Processor } from '../published/processors';
import { loadFamily } from '../published/index';
import { saidOfFamilies } from './modelCode';

/** Images or sounds in a pass. */
const batch = 4;

/**
 * The tower of the checkpoint in `folder` over what its processor makes of a file: one item, or the tiles of an image;
 * `weights` is the checkpoint's identity, which covers its processor. Opening reads the weights of the tower alone.
 */
export function checkpointTower(folder: string, processor: Processor, weights: string): FeatureTower {
  const { family } = processor;
  return {
    name: 'published tower',
    weights,
    version: 1,
    code: saidOfFamilies(),
    modality: family.input.name === 'pixel_values' ? 'image' : 'audio',
    ...family.towerFeatures,
    ...itemsOf(processor),
    open() {
      const notices: string[] = [];
      const { weights } = loadFamily(folder, ['tower']);
      const tensors = Object.fromEntries(
        parametersOf(family).flatMap(({ name, own }) => {
          const weight = weights[name];
          return weight === undefined ? [] : [[own, tf.tensor(weight.data, weight.shape, 'float32')]];
        }),
      );
      const tower = batchedTower(tensors, batch, family.input.shape, allItems(processor, notices), (inputs) =>
        family.tower({ tensors }, inputs),
      );
      return Promise.resolve({ ...tower, notices });
    },
  };
}

/** How many items a file may become, where that may be several. */
export const itemsOf = ({ mostItems }: Pick<Processor, 'mostItems'>): Pick<FeatureTower, 'mostItems'> =>
  mostItems === 1 ? {} : { mostItems };

/** Reads the items that a file becomes, one after the other, and adds to `notices` what was cut or dropped. */
export function allItems({ read, mostItems }: Processor, notices: string[]): (file: string) => Promise<Float32Array> {
  return async (file) => {
    const { items, notices: found } = await read(file);
    if (items.length === 0 || items.length > mostItems) throw new Error(`${file} became ${items.length} items`);
    notices.push(...found);
    return joined(items);
  };
}
