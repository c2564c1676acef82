import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Files run beside each other: the smallest machine has two cores, and vitest alone would use one of them.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/chaos/**', 'test/**/*.programs.test.ts', 'test/simulation/sabotage.test.ts'],
          testTimeout: 120_000,
          maxConcurrency: 2,
          // Loading every module anew for each file was a third of the suite's time; tests share no state but what is on disk, in folders of their own.
          isolate: false,
        },
      },
      {
        // What starts the real programs, shells or promtool.
        test: {
          name: 'programs',
          include: ['test/**/*.programs.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Whether the simulation sees: some thirty known-bad variants of the code, up to 1,000 seeds each.
        test: {
          name: 'sabotage',
          include: ['test/simulation/sabotage.test.ts'],
          testTimeout: 120_000,
          maxConcurrency: 2,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
