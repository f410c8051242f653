/** Which parameters of a composition are trained, which are frozen, and where adapters sit. */
import type { PartTuning } from './tuningKinds';
import type { ModuleName, PerModule } from '../modules';
import { userError } from '../problems';
import { asFloat32, toBfloat16 } from '../tensor/bfloat16';
import type { Initial } from '../tensor/parameters';
import type { Precision } from '../tensor/precision';
import { areBfloat16, type StoredValues } from '../tensor/tensorFile';
import { moduleOf, parametersOf, partNames } from './composition';
import type { Composition, ModelParameter, PartName, Tuning } from './composition';
import { loraParameters, type LoraSpec } from './parts/lora';
import type { FrozenWeight, TrainedParameter } from './multimodal';
import { scaleShift } from './scaleShift';
import type { StoredTensor } from './weights/weight';

export interface Partition {
  trainable: PerModule<TrainedParameter[]>;
  frozen: Record<string, FrozenWeight>;
  adapters: Partial<Record<PartName, LoraSpec>>;
  /** full names of a part's parameters, adapters among them, by their names in the part */
  names: Record<PartName, Map<string, string>>;
}

/** Matrices that are read by row and not by a linear layer: no adapter sits on them. */
const tables: readonly string[] = ['positions', 'queries', 'tokenEmbedding', 'lmHead'];
const last = (name: string): string => name.split('.').at(-1)!;

/**
 * Throws UserError for a target that names no linear layer, a part without one, and a part that starts at random and
 * would never be trained.
 */
export function partition(
  composition: Composition,
  weights: Record<string, StoredTensor>,
  { tuning, side, precision }: { tuning: Tuning; side: ModuleName; precision: Precision },
): Partition {
  const out: Partition = {
    trainable: { encoder: [], backbone: [] },
    frozen: {},
    adapters: {},
    names: { tower: new Map(), connector: new Map(), backbone: new Map() },
  };
  const used = parametersOf(composition).filter(({ use }) => use !== 'unused');
  for (const part of partNames) {
    const trained = out.trainable[moduleOf(part, side)];
    const spec = tuning[part];
    const parameters = used.filter((parameter) => parameter.part === part);
    if (spec.kind === 'scale-shift')
      trained.push(...scaleShift(composition.towerFeatures.width).parameters.map((of) => ({ ...of, part })));
    for (const parameter of parameters) {
      const { name, shape, own, use } = parameter;
      out.names[part].set(own, name);
      if (spec.kind === 'full' && use !== 'fixed')
        trained.push({ name, shape, part, initial: startOf(parameter, weights) });
      else out.frozen[name] = { shape, part, data: frozenValues(parameter, weights, precision) };
    }
    if (spec.kind !== 'lora') continue;
    const { lora, adapted } = adaptersOf(composition, part, spec, parameters);
    out.adapters[part] = lora;
    for (const { own, ...parameter } of adapted) {
      out.names[part].set(own, parameter.name);
      trained.push({ ...parameter, part });
    }
  }
  return out;
}

/** Pretrained values where there are any. Throws Error for a parameter that starts from nothing (a fault of ours). */
function startOf({ name, initial }: ModelParameter, weights: Record<string, StoredTensor>): Initial {
  const given = weights[name];
  if (given !== undefined) return { kind: 'value', data: asFloat32(given.data) };
  if (initial === undefined) throw new Error(`no weight ${name}`);
  return initial;
}

/** Matrices of frozen parts are kept in the run's precision, all that is no matrix in float32. */
export const isNarrow = (precision: Precision, shape: readonly number[]): boolean =>
  precision === 'bfloat16' && shape.length === 2;

function frozenValues(
  parameter: ModelParameter,
  weights: Record<string, StoredTensor>,
  precision: Precision,
): StoredValues {
  const data = weights[parameter.name]?.data;
  const isAsWanted = data !== undefined && areBfloat16(data) === isNarrow(precision, parameter.shape);
  if (isAsWanted) return data;
  const start = startOf(parameter, weights);
  if (start.kind === 'value') return isNarrow(precision, parameter.shape) ? toBfloat16(start.data) : start.data;
  throw userError({
    where: `tuning.${parameter.part}`,
    what: `${parameter.name} starts at random and would never be trained`,
    expected: 'full',
  });
}

function adaptersOf(
  { decoder }: Composition,
  part: PartName,
  spec: PartTuning & { kind: 'lora' },
  parameters: readonly ModelParameter[],
): { lora: LoraSpec; adapted: (Omit<TrainedParameter, 'part'> & { own: string })[] } {
  const layers = parameters.filter(({ name, shape }) => shape.length === 2 && !tables.includes(last(name)));
  if (layers.length === 0)
    throw userError({ where: `tuning.${part}`, what: 'no layer takes an adapter', expected: 'full or frozen' });
  const usual = part === 'backbone' ? decoder.adapted : [...new Set(layers.map(({ name }) => last(name)))];
  const lora = { rank: spec.rank, alpha: spec.alpha, targets: spec.targets ?? usual };
  const own = new Map(layers.map((layer) => [layer.name, layer.own]));
  const adapted = loraParameters(lora, layers, `tuning.${part}.targets`).map((parameter) => {
    const [, layer, end] = /^(.*)(\.lora_[AB])$/.exec(parameter.name)!;
    return { ...parameter, own: `${own.get(layer!)}${end}` };
  });
  return { lora, adapted };
}
