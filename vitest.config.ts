import { defineConfig } from 'vitest/config';

/**
 * Tests are compiled by `tsc -b` beside the code and run from `dist`, so that they exercise exactly the modules that
 * users load, also from worker threads and child processes. Only the test files themselves pass through vite.
 */
export default defineConfig({
  test: {
    include: ['{packages,examples,bench}/**/dist/**/*.test.js', 'scripts/**/*.test.mjs'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$).*\.js$/] } },
  },
});
