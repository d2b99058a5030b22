import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import startDatabaseServer from '../ingest/test/embedded.setup.ts';

async function build(): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../ingest/bin/build.mjs')], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('what the tests start could not be built');
}

/**
 * vitest globalSetup, once for a run of all projects: the command line's JavaScript and the screens, which several tests
 * start at the same time, are built while the database server starts. Pure tests need neither.
 */
export default async function setup(root: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (root.vitest.projects.every(({ name }) => name === 'pure')) return undefined;
  const [server, built] = await Promise.allSettled([startDatabaseServer(root), build()]);
  if (server.status === 'rejected') throw server.reason;
  if (built.status === 'fulfilled') return server.value;
  await server.value();
  throw built.reason;
}
