import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/build.ts', 'tests/assembly/base/global-setup.ts'],
    testTimeout: 60_000,
  },
});
