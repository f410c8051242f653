/**
 * After GradNorm (Chen et al. 2018), which weighs the losses of several tasks so that they train at similar rates; here
 * the two modules of one loss take the tasks' places [chosen]. With r_m = ||g_m|| / its value at the first step, the
 * weights w_m, which sum to 2, move by the share `rate` of the way to 2 r_m^a / (r_encoder^a + r_backbone^a) in each
 * step: a module whose gradient has died away further than the other's is taken for the one that is ahead, and slowed.
 */
import type { PerModule } from '../../modules';
import { above0 } from '../../parts/options';
import { bothActive, defineScheduler } from './scheduler';

interface GradNormState {
  first: PerModule<number> | null;
  weight: PerModule<number>;
}

/** Below this a first gradient says nothing about its module, and the weights stay. */
const smallest = 1e-12;

export const gradNorm = defineScheduler({
  file: __filename,
  about: 'slows the module whose gradient died away further',
  options: {
    exponent: above0("exponent a of a gradient's decay (docs/method.md)", 4, 1.5),
    rate: above0('share of the way to its new weights that gradnorm goes in each step', 1, 0.025),
  },
  facts: { ignoresKappa: true, look: 'green' },
  make: ({ exponent, rate }) => ({
    initial: { first: null, weight: { encoder: 1, backbone: 1 } },
    next(state: GradNormState, { gradientNorm }) {
      if (gradientNorm === null) return { state, decision: bothActive(state.weight) };
      const first = state.first ?? gradientNorm;
      const ratio = {
        encoder: (gradientNorm.encoder / Math.max(first.encoder, smallest)) ** exponent,
        backbone: (gradientNorm.backbone / Math.max(first.backbone, smallest)) ** exponent,
      };
      const sum = ratio.encoder + ratio.backbone;
      if (Math.min(first.encoder, first.backbone) < smallest || !(sum > 0) || !Number.isFinite(sum))
        return { state: { ...state, first }, decision: bothActive(state.weight) };
      const encoder = state.weight.encoder + rate * ((2 * ratio.encoder) / sum - state.weight.encoder);
      const weight = { encoder, backbone: 2 - encoder };
      return { state: { first, weight }, decision: bothActive(weight) };
    },
  }),
});
