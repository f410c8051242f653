/**
 * Upper bounds on the loss change that each module's step can bring (docs/method.md section 3, derived by Pinsker's
 * inequality with label probabilities >= c):
 *   |dL_S| <~ (1 / (sqrt2 c)) sqrt(D_X / kappa),   |dL_X| <~ (1 / (sqrt2 c)) sqrt(kappa D_S)
 * kappa >> 1 caps the encoder's progress, kappa << 1 the backbone's.
 */
import type { PerModule } from '../modules';

/** Right-hand sides for each module, nats. `probability` c: the smallest label probability for a bound. */
export function progressBounds(
  kappa: number,
  dBackbone: number,
  dEncoder: number,
  probability: number,
): PerModule<number> {
  const scale = 1 / (Math.SQRT2 * probability);
  return { encoder: scale * Math.sqrt(dBackbone / kappa), backbone: scale * Math.sqrt(kappa * dEncoder) };
}
