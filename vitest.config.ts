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
          exclude: ['test/chaos/**'],
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
