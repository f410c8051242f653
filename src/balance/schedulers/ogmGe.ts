/**
 * A first reading of on-the-fly gradient modulation with generalisation enhancement (Peng et al. 2022), which slows the
 * modality that dominates a two-stream classifier and adds noise to the gradients it modulates. Where kappa is large its
 * factor falls to 0, and the two modules take turns; ogm.ts is nearer to what is published. Kept for the runs that have
 * it. There the dominance of a stream
 * is the ratio of the streams' own confidences; a multimodal language model has no such streams, so the ratio of the
 * modules' effects on the predictions takes its place: kappa for the backbone, 1 / kappa for the encoder [chosen].
 *     factor_m = 1 - tanh(a ratio_m) where ratio_m > 1, else 1
 * as a factor of the learning rate, because Adam undoes a factor of the gradient. The noise has the gradient's own
 * standard deviation, as published.
 */
import { above0 } from '../../parts/options';
import { bothActive, defineScheduler } from './scheduler';

interface ModulationState {
  logKappa: number | null;
}

export const ogmGe = defineScheduler({
  file: __filename,
  about: 'slows the module that dominates, to a standstill where kappa is large, and adds noise to the gradients',
  options: { strength: above0('how strongly ogm-ge slows the dominating module', 10, 0.1) },
  facts: { ignoresKappa: false, gradientNoise: 'module', look: 'purple' },
  make({ strength }) {
    const factor = (ratio: number) => (ratio > 1 ? 1 - Math.tanh(strength * ratio) : 1);
    return {
      initial: { logKappa: null },
      next(state: ModulationState, { logKappas }) {
        const logKappa = logKappas.at(-1) ?? state.logKappa;
        if (logKappa === null) return { state: { logKappa }, decision: bothActive() };
        const factors = { encoder: factor(Math.exp(-logKappa)), backbone: factor(Math.exp(logKappa)) };
        return { state: { logKappa }, decision: bothActive(factors) };
      },
    };
  },
});
