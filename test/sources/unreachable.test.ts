/** A registry that does not answer: asked once, told once, for all that it would have given. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCode, UserError } from '../../src/problems';
import { fetchSources, openSource } from '../../src/sources/sources';
import { manifestOf, workplace, type Workplace } from '../../testing/fetchTools';

let place: Workplace;
let log = '';
const reason = 'npm error FetchError: request to http://127.0.0.1:9/x failed, reason: connect ECONNREFUSED 127.0.0.1:9';

beforeAll(() => {
  place = workplace();
  log = join(place.root, 'calls');
  for (const name of ['birds', 'bees', 'trees'])
    place.put(
      manifestOf(name, [{ id: `${name}.tgz`, url: `npm:${name}@1.0.0`, content: Buffer.from(name), includes: ['*'] }]),
    );
  place.program(
    'npm',
    `require('fs').appendFileSync(${JSON.stringify(log)}, 'asked\\n'); console.error(${JSON.stringify(reason)}); process.exit(1);`,
  );
});
afterAll(() => place.close());

const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0);

describe('a registry that does not answer', () => {
  it('is asked once, and told with its cause and with everything that is missing', async () => {
    const error = await fetchSources([], { manifests: place.manifests }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(calls()).toBe(1);
    expect(error).toBeInstanceOf(UserError);
    const { problems, code } = error as UserError;
    expect(code).toBe(exitCode.unavailable);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.what).toBe(
      `cannot be reached (${reason}), so these are not here: data-manifests/bees.json bees.tgz, data-manifests/birds.json birds.tgz, data-manifests/trees.json trees.tgz`,
    );
  });

  it('of PyPI is told with the line that names the cause', async () => {
    place.put(
      manifestOf('wheel', [
        { id: 'one.txt', url: 'pypi:wheel@1.0#one.txt', content: Buffer.from('one'), format: 'text/plain' },
      ]),
    );
    const cause = 'WARNING: Retrying (Retry(total=1)) after connection broken by NewConnectionError';
    place.program(
      'python3',
      `console.error(${JSON.stringify(`${cause}\nERROR: No matching distribution found`)}); process.exit(1);`,
    );
    await expect(openSource('wheel', { manifests: place.manifests })).rejects.toThrow(
      `the index of PyPI: cannot be reached (${cause})`,
    );
  });

  it('is not asked again for a while', async () => {
    await expect(openSource('birds', { manifests: place.manifests })).rejects.toThrow(/cannot be reached/);
    expect(calls()).toBe(1);
  });
});
