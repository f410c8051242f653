/**
 * `npm run soak`: 200 kills (or as many as the first argument says) of small runs under four settings, two runs at a
 * time; each run that ends must have the bytes of the run that was left alone. Then the fuzz tests, with 2,000 tries (or
 * as many as the second argument says) of each reader. Prints one line a setting; exit code 1 when a byte differs or a
 * reader fails.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import { killAndResume } from '../testing/killing';

const settings: [string, object][] = [
  [
    'commit with its regulariser',
    {
      scheduler: { kind: 'commit', interval: 2, window: 3 },
      regulariser: { kind: 'commit', lambda: 0.5, cap: 1e-7 },
      measure: { every: 2, on: 'batch' },
      evaluate: { every: 4, limit: 0, validation: 8 },
    },
  ],
  [
    'commit-clr, integral, on a probe',
    { scheduler: { kind: 'commit-clr', rule: 'integral', interval: 2 }, measure: { every: 2, on: 'probe', probe: 5 } },
  ],
  [
    'language-cd, sgd',
    { scheduler: { kind: 'language-cd', warm: 0.4, period: 2 }, optimiser: { kind: 'sgd', momentum: 0.9 } },
  ],
  [
    'constant',
    { scheduler: { kind: 'constant' }, duration: { steps: 20 }, evaluate: { every: 3, limit: 0, validation: 8 } },
  ],
];

/** The tests that fuzz, in vitest as always, but longer. */
function fuzz(): void {
  const vitest = join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const files = ['test/fuzz', 'test/manifest/publishedSchema.test.ts'];
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--reporter=verbose', ...files], {
    cwd: projectRoot,
    env: { ...process.env, EQUIPOISE_FUZZ: process.argv[3] ?? '2000' },
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const kills = Math.ceil(Number(process.argv[2] ?? 200) / settings.length);
  const waiting = [...settings];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, spec] = next;
      const { finished, differences, notices, where, ...report } = await killAndResume(spec, kills, `soak ${name}`);
      const unlike = [...differences, ...notices.filter((notice) => notice.includes('not repeated exactly'))];
      console.log(
        `${name}: ${report.kills} kills (${Object.entries(where)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(
            ', ',
          )}), ${finished} runs ended, ${unlike.length === 0 ? 'all bytes equal' : `DIFFERENT: ${unlike.join('; ')}`}`,
      );
      if (unlike.length > 0) process.exitCode = 1;
    }
  };
  await Promise.all([work(), work()]);
  fuzz();
}

void main();
