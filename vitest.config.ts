import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const EMBEDDED = fileURLToPath(new URL('./ingest/test/embedded.setup.ts', import.meta.url));
const CASES = fileURLToPath(new URL('./test/cases.setup.ts', import.meta.url));
const BUILT = fileURLToPath(new URL('./test/built.setup.ts', import.meta.url));

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
    // One process reads the rooms once for all its files; no test mocks a module or leaves anything behind.
    isolate: false,
    // Many tests wait for a database or for trucks to drive: one worker more than a core keeps the cores busy.
    maxWorkers: availableParallelism() + 1,
    ...test,
  },
});

/** A headless browser draws in software with every core there is: its tests come after the others. */
const BROWSER = ['monitor-ui/test/browser/*.test.ts', 'test/{basemap,consoles,demo,outage}.test.ts'];

export default defineConfig({
  test: {
    projects: [
      project('pure', { include: ['{schemas,geofence,monitor-ui}/test/**/*.test.ts'], exclude: BROWSER }),
      project('platform', {
        include: ['{ingest,simulator}/test/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: BROWSER,
        globalSetup: [BUILT, EMBEDDED],
      }),
      project('browser', {
        include: BROWSER,
        globalSetup: [EMBEDDED],
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});
