import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/order.ts';

const RUN = fileURLToPath(new URL('./test/run.setup.ts', import.meta.url));
const CASES = fileURLToPath(new URL('./test/cases.setup.ts', import.meta.url));

// Tests read each room's TypeScript directly: the `source` condition of every workspace names its src/index.ts. vitest hands these
// conditions to Node as well, so neither `import` nor `module` may stand here: they would break CommonJS packages (pg).
const resolve = { conditions: ['source', 'node', 'default'] };
const project = (name: string, test: object) => ({
  resolve,
  ssr: { resolve },
  test: {
    name,
    setupFiles: [CASES],
    // Far above what a test takes: a limit only ends what hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 180_000 } },
    // One process reads the rooms once for all its files; no test mocks a module or leaves anything behind.
    isolate: false,
    // Many tests wait for a database or for trucks to drive: two workers more than cores keep the cores busy.
    maxWorkers: availableParallelism() + 2,
    ...test,
  },
});

/** Screens in a headless browser. They draw less where the machine has other work, so they run beside the other tests. */
const BROWSER = ['monitor-ui/test/browser/*.test.ts', 'test/{account,basemap,consoles,demo,outage}.test.ts'];

export default defineConfig({
  test: {
    globalSetup: [RUN],
    sequence: { sequencer: LongestFirst },
    projects: [
      project('pure', { include: ['{schemas,geofence,bridge,monitor-ui}/test/**/*.test.ts'], exclude: BROWSER }),
      project('platform', {
        include: ['{ingest,simulator}/test/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: BROWSER,
      }),
      project('browser', { include: BROWSER }),
    ],
  },
});
