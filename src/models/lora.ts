/**
 * Low-rank adaptation: y = x W^T + (alpha / rank) x A^T B^T with A [rank, in] normal and B [out, rank] zero, so the
 * adapted model starts equal to the pretrained one. Hu et al. 2021, equation 3; A and B in the layout of PEFT.
 */
import { userError } from '../problems';
import { linear } from '../tensor/ops';
import type { ParameterSpec } from '../tensor/parameters';
import { tf, type Tensor, type Tensors } from '../tensor/tf';

export interface LoraSpec { rank: number; alpha: number; targets: string[] }

/** Does an adapter sit on this weight? `layers.0.q` is matched by target `q`. */
export const isTarget = (lora: LoraSpec | undefined, weight: string): lora is LoraSpec => lora !== undefined && lora.targets.includes(weight.split('.').at(-1)!);

/** The adapter parameters of each targeted weight. Throws UserError when a target names no weight. */
export function loraParameters(lora: LoraSpec, weights: { name: string; shape: number[] }[]): ParameterSpec[] {
  const matrices = weights.filter((weight) => weight.shape.length === 2);
  for (const target of lora.targets) {
    if (!matrices.some((weight) => isTarget({ ...lora, targets: [target] }, weight.name))) {
      throw userError({ where: 'tuning.backbone.targets', what: `no weight is called "${target}"`, expected: [...new Set(matrices.map((weight) => weight.name.split('.').at(-1)!))].join(', ') });
    }
  }
  return matrices.filter((weight) => isTarget(lora, weight.name)).flatMap(({ name, shape }) => {
    const [output, input] = shape as [number, number];
    return [
      { name: `${name}.lora_A`, shape: [lora.rank, input], initial: { kind: 'normal', deviation: 1 / Math.sqrt(input) } },
      { name: `${name}.lora_B`, shape: [output, lora.rank], initial: { kind: 'zeros' } },
    ] satisfies ParameterSpec[];
  });
}

/** A linear layer by weight name, with its adapter where there is one. x [..., in] -> [..., out]. */
export function adaptedLinear(x: Tensor, name: string, weights: Tensors, lora: LoraSpec | undefined): Tensor {
  const plain = linear(x, weights[name]!);
  if (!isTarget(lora, name)) return plain;
  return tf.add(plain, linear(tf.mul(linear(x, weights[`${name}.lora_A`]!), lora.alpha / lora.rank), weights[`${name}.lora_B`]!));
}
