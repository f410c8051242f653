/**
 * Block-coordinate descent, the paper's baselines "Feature CD" and "Language CD" (docs/method.md section 4): the named
 * module alone is trained for the first `warm` share of the steps, then the two alternate every `period` steps,
 * beginning with the named one. [chosen: the paper does not say which block is trained when]
 */
import type { ModuleName } from '../../manifest/run';
import type { Scheduler } from './scheduler';

export function coordinateDescent(named: ModuleName, options: { warm: number; period: number }): Scheduler<null> {
  const other: ModuleName = named === 'encoder' ? 'backbone' : 'encoder';
  return {
    initial: null,
    next: (_state, { step, steps }) => {
      const after = step - 1 - Math.round(options.warm * steps);
      const trained = after < 0 || Math.floor(after / options.period) % 2 === 0 ? named : other;
      return {
        state: null,
        decision: {
          factor: { encoder: 1, backbone: 1 },
          active: { encoder: trained === 'encoder', backbone: trained === 'backbone' },
        },
      };
    },
  };
}
