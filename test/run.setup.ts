import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** vitest globalSetup: what the command line runs is built once, before several tests start it at the same time. */
export default function setup(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../ingest/bin/build.mjs')], { stdio: 'inherit' });
}
