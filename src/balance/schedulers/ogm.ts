/**
 * On-the-fly gradient modulation with generalisation enhancement, OGM-GE (Peng et al. 2022, sections 3.2 and 3.3; in
 * their code main.py, train_epoch), as far as it applies:
 *     k_m = 1 - tanh(strength rho_m) where rho_m > 1, else 1
 * Faithful: the formula, its strength, noise with the standard deviation of each gradient tensor on the gradients of both,
 * and that all of it ends in the middle of training (`until`). Adapted: their rho is the ratio of the softmax scores that
 * two streams give the right class, about 1 to 3. Encoder and backbone are no two streams; rho is the ratio of what
 * their steps do to the answers, in the units of a step: the root of the last kappa for the backbone, its inverse for
 * the encoder. It can be far above theirs, where tanh would freeze a module, hence `least`. k is a factor of the rate,
 * since Adam undoes one of the gradient. ogmGe.ts is what had that name before: kappa itself, and no `least`.
 */
import { above0, number } from '../../parts/options';
import { bothActive, defineScheduler } from './scheduler';

export const ogm = defineScheduler({
  file: __filename,
  about: 'slows the module that dominates, by the root of kappa, and adds noise, in the first part of the run (OGM-GE)',
  options: {
    strength: above0('how strongly the dominating module is slowed', 10, 0.1),
    least: number('the factor of a module does not fall below this', 0, 1, 0.1),
    until: number('share of the run in which rates are modulated and noise is added', 0, 1, 0.5),
  },
  facts: { ignoresKappa: false, gradientNoise: 'tensor' },
  make({ strength, least, until }) {
    const factor = (ratio: number) => (ratio > 1 ? Math.max(least, 1 - Math.tanh(strength * ratio)) : 1);
    return {
      initial: { logKappa: 0 },
      next(before: { logKappa: number }, { step, steps, logKappas }) {
        const logKappa = logKappas.at(-1) ?? before.logKappa;
        if (step > until * steps) return { state: { logKappa }, decision: { ...bothActive(), noise: false } };
        const factors = { encoder: factor(Math.exp(-logKappa / 2)), backbone: factor(Math.exp(logKappa / 2)) };
        return { state: { logKappa }, decision: bothActive(factors) };
      },
    };
  },
});
