/** The fuzz net as tests: one for each target. */
import { afterAll, describe, expect, it } from 'vitest';
import { fuzz, openPlace, type Target } from './fuzz';
import { fuzzRuns, fuzzSeed } from './runs';

/**
 * Tests that every reader takes small changes of a sound input for what they are; `npm run soak` tries each 2,000
 * times.
 */
export function fuzzAll(title: string, make: () => Target[] | Promise<Target[]>): void {
  const place = openPlace();
  afterAll(() => place.close());
  describe(`given something near a sound input, ${title}`, async () => {
    const targets = (await make()).map((target) => [target.name, target] as const);
    it.each(targets)('%s', { timeout: 3_600_000 }, async (_name, target) => {
      const found = await fuzz(place, target, fuzzRuns, fuzzSeed);
      expect(found === null ? null : { ...found, input: found.input.toString('latin1').slice(0, 2000) }).toBeNull();
    });
  });
}
