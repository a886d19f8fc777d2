import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/stack/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Tests start servers and processes: more files at once than cores only makes them wait for each other.
    maxWorkers: 2,
  },
});
