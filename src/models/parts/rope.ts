/**
 * Rotary positions as configurations state them: the base, and how published models stretch their frequencies for long
 * texts.
 */
import type { Fields } from '../checkpoint/config';
import { isObject } from '../../json';

/**
 * Base and, where a model scales its frequencies, the divisor of each of the `headWidth / 2` of them.
 * `linear` divides all by `factor`; `llama3` divides only slow ones (Dubey et al. 2024); `dynamic` changes nothing
 * within the trained context, and longer texts are refused. Another type is a problem of the configuration.
 */
export function ropeDivisors(
  fields: Fields,
  headWidth: number,
  missingBase: number,
): { base: number; divisors?: number[] } {
  // Newer configurations hold everything in rope_parameters, older ones rope_theta beside rope_scaling.
  const place = isObject(fields.raw('rope_parameters')) ? 'rope_parameters' : 'rope_scaling';
  const rope = fields.optional(place);
  const states = (name: string) => (rope.raw(name) ?? null) !== null;
  const base = (states('rope_theta') ? rope : fields).positive('rope_theta', missingBase);
  const isPlain = !states('rope_type') && !states('type');
  const kind = isPlain ? 'default' : rope.text(states('rope_type') ? 'rope_type' : 'type', 'default');
  const half = headWidth / 2;
  switch (kind) {
    case 'default':
    case 'dynamic':
      return { base };
    case 'linear':
      return { base, divisors: new Array<number>(half).fill(rope.positive('factor', 1)) };
    case 'llama3': {
      const factor = rope.positive('factor', 8),
        low = rope.positive('low_freq_factor', 1),
        high = rope.positive('high_freq_factor', 4);
      const trained = rope.positive('original_max_position_embeddings', 8192);
      return {
        base,
        divisors: Array.from({ length: half }, (_, i) => {
          const waves = trained / (2 * Math.PI * base ** (i / half)); // turns within the trained context
          if (waves < low) return factor;
          if (waves > high) return 1;
          const smooth = (waves - low) / (high - low);
          return 1 / ((1 - smooth) / factor + smooth);
        }),
      };
    }
    default:
      rope.bad(rope.raw('rope_type') === undefined ? 'type' : 'rope_type', 'default, linear, dynamic or llama3');
      return { base };
  }
}
