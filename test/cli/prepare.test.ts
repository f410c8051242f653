/** What is asked before a sweep begins: the device, the data, and whether any run could begin at all. */
import { describe, expect, it, vi } from 'vitest';
import { prepare } from '../../src/cli/train';
import type { Wiring } from '../../src/cli/wiring';
import { exitCode, UserError } from '../../src/problems';
import type { PlannedRun } from '../../src/runner/plan';
import type { Prepared } from '../../src/runner/identify';

vi.mock('../../src/runner/arithmetic', () => ({
  lackingHere: ({ gpu }: { gpu: boolean }) => (gpu ? 'there is no NVIDIA GPU' : null),
}));

const run = (gpu: boolean) => ({ arithmetic: { gpu } }) as unknown as PlannedRun;
const missing = { where: 'the registry of npm', what: 'cannot be reached' };

async function outcome(runs: PlannedRun[], prepared: Partial<Prepared> = {}) {
  const prepareData = vi.fn(() =>
    Promise.resolve({ problems: [], code: exitCode.unavailable, someReady: true, ...prepared }),
  );
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const error = await prepare(runs, { prepareData } as unknown as Wiring).then(
      () => null,
      (thrown: unknown) => thrown as UserError,
    );
    return {
      error,
      asked: prepareData.mock.calls.length,
      told: told.mock.calls.map(([text]) => String(text)).join(''),
    };
  } finally {
    told.mockRestore();
  }
}

describe('before a sweep begins', () => {
  it('a device that no run can have is told once, before anything is fetched', async () => {
    const { error, asked } = await outcome([run(true), run(true)]);
    expect(error).toMatchObject({ code: exitCode.unavailable });
    expect(error!.message).toContain('no run can have it on this machine: there is no NVIDIA GPU');
    expect(asked).toBe(0);
    expect((await outcome([run(true), run(false)])).error).toBeNull();
  });

  it('what is missing for every run ends it, what is missing for some is a warning', async () => {
    const none = await outcome([run(false)], { problems: [missing], someReady: false });
    expect(none.error).toMatchObject({ code: exitCode.unavailable, problems: [missing] });
    const some = await outcome([run(false)], { problems: [missing] });
    expect(some.error).toBeNull();
    expect(some.told).toContain('warning: the registry of npm: cannot be reached');
  });
});
