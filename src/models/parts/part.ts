/**
 * What a part of a model is: declared parameters, and pure functions over their tensors. A layer's weight stands under
 * the layer's name ([out, in], as in PyTorch), its bias under `<name>.bias`.
 */
import { layerNorm, rmsNorm } from '../../tensor/ops';
import type { Initial } from '../../tensor/parameters';
import { need, type Tensor, type Tensors } from '../../tensor/tf';
import { adaptedLinear, type LoraSpec } from './lora';

/** `fixed`: never trained (a published constant); `unused`: in the checkpoint, but no output depends on it. */
export interface Declared {
  name: string;
  shape: number[];
  use?: 'fixed' | 'unused';
  /** where it starts when there is no pretrained weight */
  initial?: Initial;
  /** its name in flat vectors, files and the seeds of initial values, where that is not `name` */
  stored?: string;
}

/** Tensors of a part by name, adapters among them. */
export interface Part {
  tensors: Tensors;
  lora?: LoraSpec | undefined;
  /** own names of what is trained, where layers are computed again for the gradient (layers.ts); absent: all is kept */
  recomputed?: ReadonlySet<string> | undefined;
}

/** A linear layer [output, input] with a bias unless said otherwise. */
export const linearParameters = (name: string, output: number, input: number, bias = true): Declared[] => [
  { name, shape: [output, input] },
  ...(bias ? [{ name: `${name}.bias`, shape: [output] }] : []),
];

/** A layer norm (gain and bias), or an RMS norm (gain). */
export const normParameters = (name: string, width: number, kind: NormKind = 'layer'): Declared[] => [
  { name, shape: [width] },
  ...(kind === 'layer' ? [{ name: `${name}.bias`, shape: [width] }] : []),
];

export type NormKind = 'layer' | 'rms';

/** x [..., in] -> [..., out], with bias and adapter where the part has them. */
export const dense = (part: Part, x: Tensor, name: string): Tensor => adaptedLinear(x, name, part.tensors, part.lora);

/** The norm `name` over the last axis of x. */
export const norm = (part: Part, x: Tensor, name: string, epsilon: number, kind: NormKind = 'layer'): Tensor =>
  kind === 'rms'
    ? rmsNorm(x, need(part.tensors, name), epsilon)
    : layerNorm(x, need(part.tensors, name), need(part.tensors, `${name}.bias`), epsilon);

/** A parameter whose name goes under another's. */
export const under = (prefix: string, declared: readonly Declared[]): Declared[] =>
  declared.map((parameter) => ({ ...parameter, name: `${prefix}.${parameter.name}` }));
