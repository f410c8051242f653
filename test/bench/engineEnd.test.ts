/** Engines of the benchmark end with their driver, however it ends and whatever they are doing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { findTool } from '../../src/tool';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-engines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// A torch that never comes back, as a long compilation does not; it says that it was reached.
writeFileSync(
  join(folder, 'torch.py'),
  `import time, pathlib
def set_num_threads(count):
    pathlib.Path(r"${folder}", "reached").touch()
    time.sleep(600)
`,
);

/** Whether a process is there and no zombie that nobody has buried. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const begun = performance.now(); !holds(); await sleep(50))
    if (performance.now() - begun > 30_000) throw new Error(`not within 30 s: ${what}`);
}

const languages = [
  { language: 'typescript', missing: false },
  { language: 'python', missing: findTool('python3') === null },
];

describe.each(languages)('a $language engine in the middle of a command', ({ language, missing }) => {
  it.skipIf(missing).each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'is gone after %s to its driver',
    async (signal) => {
      rmSync(join(folder, 'reached'), { force: true });
      const driver = spawn(process.execPath, [join(__dirname, '..', '..', 'testing', 'benchDriver.cjs'), language], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, PYTHONPATH: folder, EQUIPOISE_PYTHON: 'python3' },
      });
      const [line] = (await once(createInterface({ input: driver.stdout }), 'line')) as [string];
      const engine = Number(line);
      if (language === 'python')
        await until('the engine is in the call', () => {
          try {
            return readFileSync(join(folder, 'reached')).length === 0;
          } catch {
            return false;
          }
        });
      expect(isAlive(engine)).toBe(true);
      driver.kill(signal);
      await once(driver, 'exit');
      await until(`process ${engine} is gone`, () => !isAlive(engine));
    },
  );
});
