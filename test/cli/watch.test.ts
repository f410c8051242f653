/** What is told again and again until Ctrl-C. */
import { expect, it, vi } from 'vitest';
import { onScreen, watch, type Screen } from '../../src/cli/watch';

it('fits on the screen, with its last lines', () => {
  const text = Array.from({ length: 30 }, (_, i) => `line ${i}`).join('\n');
  const shown = onScreen(text, 10).split('\n');
  expect(shown).toHaveLength(9);
  expect(shown.slice(-3)).toEqual(['... 22 more lines', 'line 28', 'line 29']);
  expect(onScreen('a\nb\n', 10)).toBe('a\nb');
});

it.each([true, false])(
  'is drawn anew on a terminal (%s), elsewhere only when it changed, and ends on SIGINT',
  async (isTTY) => {
    vi.useFakeTimers();
    const written: string[] = [];
    const screen: Screen = {
      isTTY,
      rows: 24,
      write: ((text: string) => written.push(text) > 0) as Screen['write'],
    };
    const listeners = process.listenerCount('SIGINT');
    let count = 0;
    const ended = watch(async () => {
      count += 1;
      screen.write(count < 3 ? 'one run\n' : 'two runs\n');
    }, screen);
    await vi.advanceTimersByTimeAsync(4100);
    expect(count).toBe(3);
    expect(written).toEqual(
      isTTY
        ? ['one run', 'one run', 'two runs'].map((text) => `\u001b[H${text}\u001b[K\u001b[J\n`)
        : ['one run\n', '\ntwo runs\n'],
    );
    process.emit('SIGINT');
    await ended;
    expect(process.exitCode).toBe(0);
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    vi.useRealTimers();
  },
);

it('ends with what goes wrong', async () => {
  await expect(
    watch(() => Promise.reject(new Error('gone')), { write: (() => true) as Screen['write'] }),
  ).rejects.toThrow('gone');
});
