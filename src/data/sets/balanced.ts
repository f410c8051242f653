/** Balanced draws: answers, styles and subjects that occur equally often. */
import { random } from '../../random';

/** `count` values that run through shuffled copies of `of`: every value occurs equally often, give or take one. */
export function balanced<T>(of: readonly T[], count: number, seed: number, purpose: string): T[] {
  const values: T[] = [];
  for (let round = 0; values.length < count; round++) values.push(...random(seed, purpose, round).shuffle(of));
  return values.slice(0, count);
}
