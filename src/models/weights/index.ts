/** What the towers still import from here. */
export { sizeOf, type WeightTensor } from '../weight';
