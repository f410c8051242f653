/** Which module first gives numbers that are not finite, in the order in which a step computes them. */
import { moduleNames } from '../modules';
import type { MeasureNumbers, StepNumbers } from './stepNumbers';

/**
 * Throws Error naming the step, the module and what of it is NaN or infinite, as training that diverged; a step whose
 * numbers are all finite passes. `measured`: of a measured step also what its halves did to the answers.
 */
export function checkFinite(
  numbers: StepNumbers,
  step: number,
  measured: Pick<MeasureNumbers, 'dBackbone' | 'dEncoder'> | null = null,
): void {
  const diverged = (what: string, ...modules: string[]) =>
    new Error(
      `step ${step}: training diverged: ${what}; lower the learning rate${modules.length > 1 ? 's' : ''} of the ${modules.join(' and the ')} or clip harder`,
    );
  const { prefix, loss, normBackbone, normEncoder } = numbers;
  if (!Number.isFinite(prefix)) throw diverged('the output of the encoder is not finite', 'encoder');
  if (!Number.isFinite(loss))
    throw diverged(`the loss of the backbone is ${loss}, while the output of the encoder is finite`, 'backbone');
  if (!Number.isFinite(normBackbone))
    throw diverged(`the gradient of the backbone is not finite (loss ${loss})`, 'backbone');
  if (!Number.isFinite(normEncoder))
    throw diverged(
      `the gradient of the encoder is not finite, while that of the backbone is (loss ${loss})`,
      'encoder',
    );
  if (measured === null) return;
  const change = { encoder: measured.dEncoder, backbone: measured.dBackbone };
  const broken = moduleNames.filter((module) => !Number.isFinite(change[module]));
  if (broken.length > 0)
    throw diverged(
      `with the step of the ${broken.join(' or the ')} the answers are not finite any more (loss ${loss} before it)`,
      ...broken,
    );
}
