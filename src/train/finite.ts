/** Which module first gives numbers that are not finite, in the order in which a step computes them. */
import type { StepNumbers } from './stepNumbers';

/**
 * Throws Error naming the step, the module and what of it is NaN or infinite; a step whose numbers are all finite
 * passes.
 */
export function checkFinite(numbers: StepNumbers, step: number): void {
  const advice = (module: string) => `lower the learning rate of the ${module} or clip harder`;
  if (!Number.isFinite(numbers.prefix))
    throw new Error(`step ${step}: the output of the encoder is not finite; ${advice('encoder')}`);
  if (!Number.isFinite(numbers.loss))
    throw new Error(
      `step ${step}: the loss of the backbone is ${numbers.loss}, while the output of the encoder is finite; ${advice('backbone')}`,
    );
  if (!Number.isFinite(numbers.normBackbone))
    throw new Error(
      `step ${step}: the gradient of the backbone is not finite (loss ${numbers.loss}); ${advice('backbone')}`,
    );
  if (!Number.isFinite(numbers.normEncoder))
    throw new Error(
      `step ${step}: the gradient of the encoder is not finite, while that of the backbone is (loss ${numbers.loss}); ${advice('encoder')}`,
    );
}
