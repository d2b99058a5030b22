import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { vi } from 'vitest';

export const ROOT = join(import.meta.dirname, '..');
const PROGRAM = join(ROOT, 'ingest/bin/sealwatch.mjs');

/** A program of the command line, its lines as they came. */
export interface Running {
  child: ChildProcess;
  lines: string[];
  /** The first line with this message among the JSON lines on standard output. */
  line<T = Record<string, unknown>>(msg: string, timeoutMs?: number): Promise<T & { msg: string }>;
  /** Resolves with the exit code. */
  ended: Promise<number | null>;
}

/** Starts `sealwatch …` as a user would, in a data folder and on ports of its own. */
export function sealwatch(args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: ROOT,
    env: { ...process.env, SEALWATCH_HTTP_PORT: '0', SEALWATCH_MQTT_PORT: '0', NODE_OPTIONS: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end();
  const lines: string[] = [];
  let rest = '';
  const take = (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return {
    child,
    lines,
    ended: new Promise((resolve) => child.once('close', resolve)),
    line: (msg, timeoutMs = 180_000) =>
      vi.waitFor(
        () => {
          const found = lines.map(parse).find((line) => line?.msg === msg);
          if (!found) throw new Error(`no line "${msg}" yet among:\n${lines.slice(-20).join('\n')}`);
          return found as never;
        },
        { timeout: timeoutMs, interval: 100 },
      ),
  };
}

function parse(line: string): { msg?: unknown } | undefined {
  try {
    return JSON.parse(line) as { msg?: unknown };
  } catch {
    return undefined;
  }
}
