/**
 * The fuzz net (testing/fuzz): every reader takes small changes of a sound input for what they are. Fewer tries than in
 * `npm run soak`, which has 2,000 of each.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { annotationTargets } from '../testing/fuzz/annotations';
import { containerTargets } from '../testing/fuzz/containers';
import { documentTargets } from '../testing/fuzz/documents';
import { fuzz, openPlace } from '../testing/fuzz/fuzz';
import { mediaTargets } from '../testing/fuzz/media';
import { fuzzRuns, fuzzSeed } from '../testing/fuzz/runs';

const place = openPlace();
afterAll(() => place.close());

describe('a reader that is given something near a sound input', async () => {
  const targets = [
    ...(await annotationTargets()),
    ...(await mediaTargets()),
    ...containerTargets(),
    ...documentTargets(),
  ];
  it.each(targets.map((target) => [target.name, target] as const))(
    'of %s',
    { timeout: 3_600_000 },
    async (_name, target) => {
      const found = await fuzz(place, target, fuzzRuns, fuzzSeed);
      expect(found === null ? null : { ...found, input: found.input.toString('latin1').slice(0, 2000) }).toBeNull();
    },
  );
});
