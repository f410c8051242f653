/**
 * The encoder's parts, tower and connector, in the flat vectors of the modules: their learning rates where they have
 * some of their own, and their gradients and updates beside those of the modules.
 */
import type { RunSpec } from '../manifest/run';
import type { PartName } from '../models/composition';
import type { MultimodalModel } from '../models/multimodal';
import { moduleOf } from '../models/composition';
import { isInStep } from '../models/tuningKinds';
import { moduleNames, type ModuleName } from '../modules';
import { norm } from '../tensor/ops';
import { totalSize } from '../tensor/parameters';
import { sizeOf } from '../tensor/shape';
import { tf, type Tensor } from '../tensor/tf';

/** The parts of which runs may state a rate and journals tell beside the modules. */
export type EncoderPart = Exclude<PartName, 'backbone'>;
const encoderParts: readonly EncoderPart[] = ['tower', 'connector'];

/** Learning rates of parts as multiples of their module's. */
export type PartRates = Partial<Record<EncoderPart, number>>;

/** The same, and that of the matrices B of adapters as a multiple of the matrices A (LoRA+). */
export type RateMultiples = PartRates & { loraRatio?: number };

/** Whether a parameter is the matrix B of an adapter, the one that starts at zero. */
const isLoraB = (name: string): boolean => name.endsWith('.lora_B');

type Trainable = Pick<MultimodalModel, 'trainable'>;

/**
 * Multiples of the module's rate for the parts that have a rate of their own. Schedulers and warm-up move the module's.
 */
export function partRatesOf({
  learningRate,
  connectorSide,
}: Pick<RunSpec, 'learningRate' | 'connectorSide'>): PartRates {
  const rates: PartRates = {};
  for (const part of encoderParts) {
    const own = learningRate[part];
    if (own !== undefined) rates[part] = own / learningRate[moduleOf(part, connectorSide)];
  }
  return rates;
}

/** The parts that a run's records tell of: those with trained parameters, where the tower is run in the step. */
export const toldPartsOf = ({ tuning }: Pick<RunSpec, 'tuning'>, { trainable }: Trainable): EncoderPart[] =>
  isInStep(tuning.tower)
    ? encoderParts.filter((part) => moduleNames.some((module) => trainable[module].some((each) => each.part === part)))
    : [];

/** The rate of each parameter of a module [size], or the module's own [] where nothing of it has another. */
export function rateOfParts(
  { trainable }: Trainable,
  module: ModuleName,
  { loraRatio = 1, ...rates }: RateMultiples,
  rate: Tensor,
): Tensor {
  const runs: { size: number; multiple: number }[] = [];
  for (const { name, part, shape } of trainable[module]) {
    const multiple = (part === 'backbone' ? 1 : (rates[part] ?? 1)) * (isLoraB(name) ? loraRatio : 1);
    const last = runs.at(-1);
    if (last?.multiple === multiple) last.size += sizeOf(shape);
    else runs.push({ size: sizeOf(shape), multiple });
  }
  if (runs.every(({ multiple }) => multiple === 1)) return rate;
  return tf.mul(tf.concat(runs.map(({ size, multiple }) => tf.fill([size], multiple))), rate);
}

/** A part of a flat vector: where it begins, and how long it is. */
interface Slice {
  part: PartName;
  from: number;
  size: number;
}

/** The parts of a module's flat vector; the parameters of a part stand together. */
function partsIn(parameters: MultimodalModel['trainable']['encoder']): Slice[] {
  let from = 0;
  const parts = [...new Set(parameters.map(({ part }) => part))];
  return parts.map((part) => {
    const size = totalSize(parameters.filter((each) => each.part === part));
    from += size;
    return { part, from: from - size, size };
  });
}

/** Euclidean norm of a part of its module's vector. Throws Error for a part without trained parameters. */
export function partNorm(
  { trainable }: Trainable,
  part: EncoderPart,
  vectorOf: (module: ModuleName) => Tensor,
): Tensor {
  for (const module of moduleNames) {
    const slice = partsIn(trainable[module]).find((each) => each.part === part);
    if (slice !== undefined) return norm(tf.slice(vectorOf(module), [slice.from], [slice.size]));
  }
  throw new Error(`nothing of the ${part} is trained`);
}
