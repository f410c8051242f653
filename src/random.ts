/**
 * Random numbers as a pure function of (seed, purpose, step): no stream is shared, so nothing depends on the order in
 * which parts of a run draw, and a resumed run needs no saved generator.
 */
import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** uniform in [0, 1) */
  uniform(): number;
  /** uniform integer in [0, bound) */
  integer(bound: number): number;
  /** standard normal (Box-Muller) */
  normal(): number;
  /** one element; throws RangeError when there is none */
  pick<T>(from: readonly T[]): T;
  /** a shuffled copy (Fisher-Yates) */
  shuffle<T>(of: readonly T[]): T[];
}

/** The generator for one purpose of one seed at one step; equal arguments give equal numbers on every machine. */
export function random(seed: number | string, purpose: string, step = 0): Random {
  const key = createHash('sha256')
    .update(JSON.stringify([seed, purpose, step]))
    .digest();
  const source = xoroshiro128plusFromState([
    key.readInt32LE(0),
    key.readInt32LE(4),
    key.readInt32LE(8),
    key.readInt32LE(12) | 1,
  ]);
  const uniform = () => uniformFloat64(source);
  const integer = (bound: number) => uniformInt(source, 0, bound - 1);
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (from) => {
      if (from.length === 0) throw new RangeError('nothing to pick from');
      return from[integer(from.length)]!;
    },
    shuffle: (of) => {
      const out = [...of];
      for (let i = out.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
  };
}
