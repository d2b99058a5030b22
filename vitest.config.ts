import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const EMBEDDED = fileURLToPath(new URL('./ingest/test/embedded.setup.ts', import.meta.url));

// Tests read each room's TypeScript directly: the `source` condition of every workspace names its src/index.ts. vitest hands these
// conditions to Node as well, so neither `import` nor `module` may stand here: they would break CommonJS packages (pg).
const resolve = { conditions: ['source', 'node', 'default'] };
const room = (name: string, test: object = {}) => ({
  resolve,
  ssr: { resolve },
  test: {
    name,
    root: name,
    include: ['test/**/*.test.ts'],
    // Far above what a test takes: a limit only ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    ...test,
  },
});

export default defineConfig({
  test: {
    // The longest files mostly wait for trucks to drive: one worker more than a core keeps both cores busy.
    maxWorkers: availableParallelism() + 1,
    projects: [
      room('schemas'),
      room('geofence'),
      room('ingest', { globalSetup: [EMBEDDED] }),
      room('simulator'),
      room('monitor-ui'),
      room('.', { name: 'platform', globalSetup: [EMBEDDED] }),
    ],
  },
});
