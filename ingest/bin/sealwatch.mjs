#!/usr/bin/env -S node --max-semi-space-size=64
// The command line's front door: builds a fresh checkout, then hands over to the platform or to the simulator.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const ROOMS = join(dirname(fileURLToPath(import.meta.url)), '../..');
const SIMULATOR = join(ROOMS, 'simulator/dist/main.js');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** The simulator is a room of its own that knows the platform by its public interfaces only: a process of its own. */
function simulate(args) {
  const child = spawn(process.execPath, [SIMULATOR, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 1 : (code ?? 1);
  });
}

async function main() {
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(
      `Sealwatch needs Node.js 20.19 or newer; this is ${process.version}. Install one from https://nodejs.org.`,
    );
  }
  await build();
  if (process.argv[2] === 'simulate') return simulate(process.argv.slice(2));
  const { run } = await import('../dist/main.js');
  await run(process.argv.slice(2), { simulatorPath: existsSync(SIMULATOR) ? SIMULATOR : undefined });
}

main().catch((error) => {
  process.stderr.write(`sealwatch: ${error.message}\n`);
  process.exitCode = 1;
});
