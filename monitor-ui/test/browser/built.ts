import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOM = join(import.meta.dirname, '../..');

/** The screens built as for an installation, in a folder of their own that the caller removes. */
export function buildScreens(): string {
  const dist = mkdtempSync(join(tmpdir(), 'sealwatch-wall-'));
  execFileSync(
    process.execPath,
    [join(ROOM, '../node_modules/vite/bin/vite.js'), 'build', '--outDir', dist, '--emptyOutDir', '--logLevel', 'error'],
    { cwd: ROOM, env: { ...process.env, NODE_ENV: 'production' } },
  );
  return dist;
}
