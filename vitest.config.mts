import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: './testing/fetchLibraries.ts',
    pool: 'forks',
    // one file a core: by default one core is kept free, which on two leaves half of the machine idle
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['dot', './testing/countReporter.ts'],
  },
});
