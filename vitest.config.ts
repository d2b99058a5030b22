import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/order.ts';

const RUN = fileURLToPath(new URL('./test/run.setup.ts', import.meta.url));
const CASES = fileURLToPath(new URL('./test/cases.setup.ts', import.meta.url));

// Pure tests read each room's TypeScript directly: the `source` condition of every workspace names its src/index.ts. vitest hands
// these conditions to Node as well, so neither `import` nor `module` may stand here: they would break CommonJS packages (pg).
const SOURCE = { resolve: { conditions: ['source', 'node', 'default'] } };

/** Rooms whose TypeScript a run has built before its first test. */
const ROOMS = 'schemas|geofence|bridge|ingest|simulator';
const SOURCE_FILE = new RegExp(`^(.*/(?:${ROOMS}))/src/(.*)\\.ts$`);

// Tests that start platforms read what is built and shipped: Node loads it as it stands, where the TypeScript would be translated
// again for every run.
const BUILT = {
  resolve: { conditions: ['node', 'default'] },
  deps: { external: [new RegExp(`/(?:${ROOMS})/dist/`)] },
  plugins: [
    {
      name: 'built-rooms',
      enforce: 'pre' as const,
      resolveId(source: string, importer: string | undefined) {
        if (importer === undefined || !source.startsWith('.')) return undefined;
        const found = SOURCE_FILE.exec(resolve(dirname(importer), source));
        return found ? `${found[1]}/dist/${found[2]}.js` : undefined;
      },
    },
  ],
};

interface Reading {
  resolve: { conditions: string[] };
  deps?: { external: RegExp[] };
  plugins?: typeof BUILT.plugins;
}
const project = (name: string, { resolve, deps = { external: [] }, plugins = [] }: Reading, test: object) => ({
  plugins,
  resolve,
  ssr: { resolve },
  test: {
    name,
    server: { deps },
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
      project('pure', SOURCE, {
        include: ['{schemas,geofence,bridge,monitor-ui}/test/**/*.test.ts'],
        exclude: BROWSER,
      }),
      project('platform', BUILT, {
        include: ['{ingest,simulator}/test/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: BROWSER,
      }),
      project('browser', BUILT, { include: BROWSER }),
    ],
  },
});
