import type { Reporter, TestModule } from 'vitest/node';

/** Files whose seconds are told at the end of a run. */
const slowest = 12;

/** Ends a test run with its slowest files, and one line that a machine can read: `N passed, N failed, N skipped`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed' || state === 'failed' || state === 'skipped') count[state] += 1;
      }
    }
    const seconds = (module: TestModule) => module.diagnostic().duration / 1000;
    const longest = modules.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, slowest);
    for (const module of longest)
      process.stdout.write(`\n${seconds(module).toFixed(0).padStart(5)} s  ${module.relativeModuleId}`);
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}
