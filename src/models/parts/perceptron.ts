/** The two-layer perceptron between a tower and a language model (Liu et al. 2023b, LLaVA-1.5). */
import type { Tensor } from '../../tensor/tf';
import type { Activation } from './activation';
import { dense, linearParameters, type Declared, type Part } from './part';

export const perceptronParameters = (input: number, hidden: number, output: number, bias = true): Declared[] => [
  ...linearParameters('hidden', hidden, input, bias),
  ...linearParameters('output', output, hidden, bias),
];

/** x [..., input] -> [..., output]. */
export const perceptron = (part: Part, x: Tensor, activation: Activation): Tensor =>
  dense(part, activation(dense(part, x, 'hidden')), 'output');
