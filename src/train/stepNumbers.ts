/** The numbers that a step gives back. They come as one vector, so that a step costs one read from the device. */
import type { MeasuredStep } from '../balance/measure';
import { moduleNames, type PerModule } from '../modules';
import { tf, type Tensor } from '../tensor/tf';
import type { EncoderPart } from './partVectors';

const stepNames = ['loss', 'crossEntropy', 'klEncoder', 'klBackbone', 'normEncoder', 'normBackbone', 'prefix'] as const;
const measureNames = [
  'dBackbone',
  'dEncoder',
  'smallestProbability',
  'meanProbability',
  'thetaEncoder',
  'thetaBackbone',
  'deltaEncoder',
  'deltaBackbone',
  'progressEncoder',
  'progressBackbone',
] as const;

/** Numbers that stand beside a measure where they are asked for: on the fixed probe, and without the end of answers. */
const besideNames = {
  probe: ['dBackbone', 'dEncoder'],
  withoutEnd: ['loss', 'dBackbone', 'dEncoder'],
} as const;
export type BesideName = keyof typeof besideNames;
/** What stands beside a measure; nats per label token. */
export type Beside<T = number> = { [Name in BesideName]?: Record<(typeof besideNames)[Name][number], T> };

/**
 * Of every step. `loss`: the objective, regulariser included; `prefix`: a sum that says whether the encoder's output is
 * finite.
 */
export type StepNumbers<T = number> = Record<(typeof stepNames)[number], T>;
/**
 * Of a measured step besides: divergences, label probabilities, and of each module ||theta||, ||dtheta||, <g, dtheta>.
 */
export type MeasureNumbers<T = number> = Record<(typeof measureNames)[number], T>;

/**
 * Numbers of both modules that only some runs have. `share`: norm of a regulariser's gradient that is found by itself,
 * over that of the gradient it joins; `parameterNorm`: ||theta|| before the step, of every step; `distance`: Prodigy's
 * estimate after it.
 */
export const pairNames = ['share', 'parameterNorm', 'distance'] as const;
export type PairName = (typeof pairNames)[number];
export type Pairs<T = number> = Partial<Record<PairName, PerModule<T>>>;

const partNames = ['gradient', 'theta', 'delta'] as const;
/** Of one part of the encoder, ||g||, and of a measured step ||theta|| and ||dtheta||, which are 0 elsewhere. */
export type PartNumbers<T = number> = Record<(typeof partNames)[number], T>;

/** The program's scalars as its output. */
export function packNumbers(
  step: StepNumbers<Tensor>,
  measure: MeasureNumbers<Tensor> | null,
  parts: readonly PartNumbers<Tensor>[] = [],
  pairs: Pairs<Tensor> = {},
  beside: Beside<Tensor> = {},
): { numbers: Tensor } {
  const scalars = [
    ...stepNames.map((name) => step[name]),
    ...parts.flatMap((part) => partNames.map((name) => part[name])),
    ...pairNames.flatMap((name) => moduleNames.flatMap((module) => pairs[name]?.[module] ?? [])),
    ...(measure === null ? [] : measureNames.map((name) => measure[name])),
    ...tensorsBeside(beside),
  ];
  return { numbers: tf.stack(scalars.map((value) => tf.reshape(value, []))) };
}

const tensorsBeside = ({ probe, withoutEnd }: Beside<Tensor>): Tensor[] => [
  ...(probe === undefined ? [] : besideNames.probe.map((name) => probe[name])),
  ...(withoutEnd === undefined ? [] : besideNames.withoutEnd.map((name) => withoutEnd[name])),
];

/** A step's numbers under their names. */
export interface UnpackedStep {
  step: StepNumbers;
  measure: MeasureNumbers | null;
  parts: Partial<Record<EncoderPart, PartNumbers>>;
  pairs: Pairs;
  beside: Beside;
}

/**
 * Names for the packed vector of `trainProgram`. `parts` and `pairs`: those that its setting tells of, the pairs in the
 * order of `pairNames`; `told`: what stands beside a measure, in the order of `besideNames`.
 */
export function unpackStep(
  numbers: Float32Array,
  parts: readonly EncoderPart[] = [],
  pairs: readonly PairName[] = [],
  told: readonly BesideName[] = [],
): UnpackedStep {
  const take = <N extends string>(names: readonly N[], from: number) =>
    Object.fromEntries(names.map((name, i) => [name, numbers[from + i]!])) as Record<N, number>;
  const pairsFrom = stepNames.length + parts.length * partNames.length;
  const rest = pairsFrom + pairs.length * moduleNames.length;
  const isMeasured = numbers.length > rest;
  let from = rest + measureNames.length;
  const beside = Object.fromEntries(
    (isMeasured ? told : []).map((of) => [
      of,
      take(besideNames[of], (from += besideNames[of].length) - besideNames[of].length),
    ]),
  ) as Beside;
  return {
    beside,
    step: take(stepNames, 0),
    measure: isMeasured ? take(measureNames, rest) : null,
    parts: Object.fromEntries(
      parts.map((part, i) => [part, take(partNames, stepNames.length + i * partNames.length)] as const),
    ),
    pairs: Object.fromEntries(
      pairs.map((name, i) => [name, take(moduleNames, pairsFrom + i * moduleNames.length)] as const),
    ),
  };
}

/** The same, as the balance room takes them. */
export const measuredStep = (step: StepNumbers, measure: MeasureNumbers): MeasuredStep => ({
  dBackbone: measure.dBackbone,
  dEncoder: measure.dEncoder,
  smallestProbability: measure.smallestProbability,
  meanProbability: measure.meanProbability,
  gradientNorm: { encoder: step.normEncoder, backbone: step.normBackbone },
  parameterNorm: { encoder: measure.thetaEncoder, backbone: measure.thetaBackbone },
  updateNorm: { encoder: measure.deltaEncoder, backbone: measure.deltaBackbone },
  progress: { encoder: measure.progressEncoder, backbone: measure.progressBackbone },
});
