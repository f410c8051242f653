/**
 * Low-rank adaptation: y = x W^T + (alpha / rank) x A^T B^T with A [rank, in] normal and B [out, rank] zero, so the
 * adapted model starts equal to the pretrained one. Hu et al. 2021, equation 3; A and B in the layout of PEFT.
 */
import { userError } from '../../problems';
import { linear } from '../../tensor/ops';
import type { ParameterSpec } from '../../tensor/parameters';
import { tf, type Tensor, type Tensors } from '../../tensor/tf';
import type { WeightTensor } from '../weights/weight';

export interface LoraSpec {
  rank: number;
  alpha: number;
  /** see `matchesTarget` */
  targets: string[];
}

/**
 * Does a target name this weight? A target is the weight's name or its end at a dot, and `*` stands for anything but
 * dots: `q`, `self.q` and `layers.*.self.q` name `layers.0.self.q`.
 */
export function matchesTarget(target: string, weight: string): boolean {
  const pattern = target
    .split('*')
    .map((piece) => piece.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('[^.]+');
  return new RegExp(`(^|\\.)${pattern}$`).test(weight);
}

/**
 * The adapter parameters of each targeted weight. Throws UserError when a target names no weight; `where` is the
 * option's place.
 */
export function loraParameters(
  lora: LoraSpec,
  weights: { name: string; shape: number[] }[],
  where = 'tuning.backbone.targets',
): ParameterSpec[] {
  const matrices = weights.filter((weight) => weight.shape.length === 2);
  for (const target of lora.targets) {
    if (!matrices.some((weight) => matchesTarget(target, weight.name))) {
      throw userError({
        where,
        what: `no weight is called "${target}"`,
        expected: [...new Set(matrices.map((weight) => weight.name.split('.').at(-1)!))].join(', '),
      });
    }
  }
  return matrices
    .filter((weight) => lora.targets.some((target) => matchesTarget(target, weight.name)))
    .flatMap(({ name, shape }) => {
      const [output, input] = shape as [number, number];
      return [
        {
          name: `${name}.lora_A`,
          shape: [lora.rank, input],
          initial: { kind: 'normal', deviation: 1 / Math.sqrt(input) },
        },
        { name: `${name}.lora_B`, shape: [output, lora.rank], initial: { kind: 'zeros' } },
      ] satisfies ParameterSpec[];
    });
}

/**
 * A linear layer by weight name, with its bias (`<name>.bias`) and its adapter where `weights` hold them. x [..., in]
 * -> [..., out].
 */
export function adaptedLinear(x: Tensor, name: string, weights: Tensors, lora: LoraSpec | undefined): Tensor {
  const plain = linear(x, weights[name]!, weights[`${name}.bias`]);
  const a = weights[`${name}.lora_A`];
  if (lora === undefined || a === undefined) return plain;
  return tf.add(plain, linear(tf.mul(linear(x, a), lora.alpha / lora.rank), weights[`${name}.lora_B`]!));
}

/**
 * W + (alpha / rank) B A, or with `sign` -1 the adapter taken out again. Sums in float64. Throws RangeError when the
 * shapes do not fit.
 */
export function mergeLora(
  weight: WeightTensor,
  a: WeightTensor,
  b: WeightTensor,
  lora: Pick<LoraSpec, 'rank' | 'alpha'>,
  sign: 1 | -1 = 1,
): WeightTensor {
  const [output, input] = weight.shape as [number, number];
  if (a.shape[0] !== lora.rank || a.shape[1] !== input || b.shape[0] !== output || b.shape[1] !== lora.rank)
    throw new RangeError(`adapter [${a.shape}] x [${b.shape}] of rank ${lora.rank} on a weight [${weight.shape}]`);
  const scale = (sign * lora.alpha) / lora.rank;
  const data = new Float32Array(weight.data.length);
  const row = new Float64Array(input);
  for (let o = 0; o < output; o++) {
    row.fill(0);
    for (let r = 0; r < lora.rank; r++) {
      const factor = b.data[o * lora.rank + r]! * scale;
      if (factor !== 0) for (let i = 0; i < input; i++) row[i]! += factor * a.data[r * input + i]!;
    }
    for (let i = 0; i < input; i++) data[o * input + i] = weight.data[o * input + i]! + row[i]!;
  }
  return { shape: weight.shape, data };
}
