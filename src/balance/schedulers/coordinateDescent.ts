/**
 * Block-coordinate descent, the paper's baselines "Feature CD" and "Language CD" (docs/method.md section 4): the named
 * module alone is trained for the first `warm` share of the steps, then the two alternate every `period` steps,
 * beginning with the named one. [chosen: the paper does not say which block is trained when]
 */
import type { ModuleName } from '../../modules';
import { number, whole } from '../../parts/options';
import { defineScheduler, type LookName } from './scheduler';

const descent = (named: ModuleName, look: LookName) =>
  defineScheduler({
    file: __filename,
    about: `block-coordinate descent, the ${named} first`,
    options: {
      warm: number('share of the run in which the named module trains alone', 0, 1, 0.5),
      period: whole('steps between alternations afterwards', 1, 1_000_000, 10),
    },
    facts: { ignoresKappa: true, oneAtATime: true, look },
    make: ({ warm, period }) => ({
      initial: null,
      next(_state, { step, steps }) {
        const other: ModuleName = named === 'encoder' ? 'backbone' : 'encoder';
        const after = step - 1 - Math.round(warm * steps);
        const trained = after < 0 || Math.floor(after / period) % 2 === 0 ? named : other;
        return {
          state: null,
          decision: {
            factor: { encoder: 1, backbone: 1 },
            active: { encoder: trained === 'encoder', backbone: trained === 'backbone' },
          },
        };
      },
    }),
  });

export const featureDescent = descent('encoder', 'sky-blue');
export const languageDescent = descent('backbone', 'orange');
