/** Sources that a test needs and does not fetch: those that this machine has in its cache. */
import type { TestContext } from 'vitest';
import { exitCode, UserError } from '../src/problems';
import { openSource } from '../src/sources/sources';

/** Opens a source from the cache; where it was never fetched the test is skipped, with the reason. */
export async function cachedSource(context: TestContext, name: string): ReturnType<typeof openSource> {
  try {
    return await openSource(name, { offline: true });
  } catch (error) {
    if (error instanceof UserError && error.code === exitCode.unavailable) context.skip(error.message);
    throw error;
  }
}
