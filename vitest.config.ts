import { defineConfig } from 'vitest/config';

// Tests read each room's TypeScript directly: the `source` condition of every workspace names its src/index.ts.
const resolve = { conditions: ['source', 'node', 'import', 'module', 'default'] };
const room = (name: string, extra: object = {}) => ({
  resolve,
  ssr: { resolve },
  test: {
    name,
    root: name,
    include: ['test/**/*.test.ts', 'src/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    ...extra,
  },
});

export default defineConfig({
  test: {
    projects: [room('schemas'), room('geofence'), room('ingest'), room('simulator'), room('monitor-ui')],
  },
});
