import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOM = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles a script of this folder once, beside the packages that it needs. */
export async function bundlePlatform(
  name: 'platform' | 'gate-platform' | 'keeper' = 'platform',
): Promise<{ script: string; remove(): void }> {
  const outDir = `${ROOM}node_modules/.proof-${process.pid}-${process.env.VITEST_POOL_ID ?? 0}`;
  await build({
    root: ROOM,
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['source'] },
    // The bridge reads its profiles from files beside its own code.
    ssr: { external: ['@sealwatch/bridge'], noExternal: [/^@sealwatch\//], resolve: { conditions: ['source'] } },
    build: {
      ssr: fileURLToPath(new URL(`./${name}.ts`, import.meta.url)),
      outDir,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'platform.mjs' } },
    },
  });
  return { script: `${outDir}/platform.mjs`, remove: () => rmSync(outDir, { recursive: true, force: true }) };
}

/** A platform in its own process; `kill` is kill -9. */
export interface Child {
  port: number;
  kill(): Promise<void>;
}

export async function startChild(script: string, env: Record<string, string>): Promise<Child> {
  const child: ChildProcess = fork(script, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const ready = once(child, 'message') as Promise<[{ port: number }]>;
  const first = await Promise.race([ready, gone.then(([code]) => Promise.reject(new Error(`ended with ${code}`)))]);
  return {
    port: first[0].port,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
