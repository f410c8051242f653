/**
 * After on-the-fly gradient modulation with generalisation enhancement (Peng et al. 2022), which slows the modality that dominates a two-stream classifier
 * and adds noise to the gradients it modulates. There the dominance of a stream is the ratio of the streams' own confidences; a multimodal
 * language model has no such streams, so the ratio of the modules' effects on the predictions takes its place: kappa for the backbone, 1 / kappa for the encoder [chosen].
 *     factor_m = 1 - tanh(a ratio_m) where ratio_m > 1, else 1
 * as a factor of the learning rate, because Adam undoes a factor of the gradient. `noise`: each gradient gets Gaussian noise with the gradient's own standard deviation, as published.
 */
import { bothActive, type Scheduler } from './scheduler';

export interface ModulationState {
  logKappa: number | null;
}

export function ogmGe({ strength }: { strength: number }): Scheduler<ModulationState> {
  const factor = (ratio: number) => (ratio > 1 ? 1 - Math.tanh(strength * ratio) : 1);
  return {
    initial: { logKappa: null },
    next: (state, { logKappas }) => {
      const logKappa = logKappas.at(-1) ?? state.logKappa;
      return {
        state: { logKappa },
        decision: bothActive(
          logKappa === null
            ? undefined
            : { encoder: factor(Math.exp(-logKappa)), backbone: factor(Math.exp(logKappa)) },
        ),
      };
    },
  };
}
