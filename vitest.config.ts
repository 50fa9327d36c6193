import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long, the longest first: begun last, one of them would keep everybody waiting at the end. */
const long = [
  'transport-socket/dist/tcp/conformance',
  'transport-socket/dist/tcp/without-addon',
  'transport-socket/dist/tls/conformance',
  '/dist/memfd/conformance',
  '/conformance',
  'examples/dist/demo/main',
  'bench/dist/main',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = long.findIndex((part) => moduleId.includes(part));
      return found === -1 ? long.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/**
 * Tests are compiled by `tsc -b` beside the code and run from `dist`, so that they exercise exactly the modules that
 * users load, also from worker threads and child processes. Only the test files themselves pass through vite.
 */
export default defineConfig({
  test: {
    include: ['{packages,examples,bench}/**/dist/**/*.test.js', 'scripts/**/*.test.mjs'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    // More than the two processors that CI has: half of the time a test waits for something to happen.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$).*\.js$/] } },
  },
});
