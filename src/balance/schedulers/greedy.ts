/**
 * After the balanced multi-modal learning of Wu et al. 2022 (Characterizing and Overcoming the Greedy Nature of Learning
 * in Multi-modal Deep Neural Networks, ICML; section 5, in their code src/callbacks.py). A module's speed is the sum of
 * its effective updates over the regular steps, M_m = sum ||g_m||^2 / ||theta_m||^2. After a regular step with
 *     |log10(M_encoder / M_backbone)| > threshold
 * the next `rebalance` steps are re-balancing steps, which train only the slower module and leave the sums as they are;
 * then comes a regular one. The first `warm` of the steps are regular. Threshold, number of steps and the rules of counting are
 * theirs. Adapted: their speed of a modality is that of the weights which read the other modality over that of its own
 * branch; encoder and backbone are one path without such a pair, so the modules' own speeds are compared. Their
 * re-balancing step replaces the faster modality's message by its running mean; here the faster module is frozen.
 */
import { both, type ModuleName, type PerModule } from '../../modules';
import { above0, number, whole } from '../../parts/options';
import { bothActive, defineScheduler, type Observation } from './scheduler';

interface GreedyState {
  speed: PerModule<number>;
  /** re-balancing steps that are still to be taken, and the module that they train */
  left: number;
  slower: ModuleName;
  /** whether the step before was a regular one, whose update counts */
  counts: boolean;
}

/** The speeds after the step that was just taken. Norms of zero say nothing of a speed. */
function speedsAfter({ speed, counts }: GreedyState, { gradientNorm, parameterNorm }: Observation): PerModule<number> {
  if (!counts || gradientNorm === null || parameterNorm === null) return speed;
  if (Math.min(parameterNorm.encoder, parameterNorm.backbone) === 0) return speed;
  return both((module) => speed[module] + (gradientNorm[module] / parameterNorm[module]) ** 2);
}

export const greedy = defineScheduler({
  file: __filename,
  about: 'trains the slower module alone for a while whenever the speeds of learning have come apart',
  options: {
    threshold: above0('how far the decimal logarithms of the speeds may lie apart', 100, 0.01),
    rebalance: whole('re-balancing steps, one after the other', 1, 10_000, 5),
    warm: number('share of the run before the first re-balancing step', 0, 1, 0.05),
  },
  facts: { ignoresKappa: true, oneAtATime: true, parameterNorms: true },
  make: ({ threshold, rebalance, warm }) => ({
    initial: { speed: { encoder: 0, backbone: 0 }, left: 0, slower: 'encoder', counts: false },
    next(before: GreedyState, observation) {
      const speed = speedsAfter(before, observation);
      const apart = Math.log10(speed.encoder / speed.backbone);
      const begins = before.counts && observation.step - 1 >= warm * observation.steps && Math.abs(apart) > threshold;
      const slower = begins ? (apart < 0 ? 'encoder' : 'backbone') : before.slower;
      const left = begins ? rebalance : before.left;
      if (left === 0) return { state: { speed, left, slower, counts: true }, decision: bothActive() };
      const active = both((module) => module === slower);
      return {
        state: { speed, left: left - 1, slower, counts: false },
        decision: { factor: { encoder: 1, backbone: 1 }, active },
      };
    },
  }),
});
