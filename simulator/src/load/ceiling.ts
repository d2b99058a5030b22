import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { samplePayload } from './payload.ts';
import type { BareLock } from './socket.ts';
import { openBareLock } from './socket.ts';

/** Highest rates of the sender alone, on one core. */
export interface Ceiling {
  /** reports made, sent and acknowledged per second in which the sender's thread was busy */
  reportsPerS: number;
  /** locks connected per second in which it was busy */
  locksPerS: number;
}

const LOCKS = 200;
const FOR_MS = 1_500;
/** Reports without PUBACK at the same time: keeps the sender busy and its memory small. */
const WINDOW = 4_000;
const BURST = 200;

/**
 * Sends as fast as possible for 1.5 s to a sink that only acknowledges (`bin/sink.mjs`, in a worker). A rate measured
 * against a platform that is lower than this is limited by the platform.
 */
export async function measureCeiling(stop: AbortSignal): Promise<Ceiling> {
  const sink = new Worker(new URL('../../bin/sink.mjs', import.meta.url));
  try {
    const [port] = (await once(sink, 'message', { signal: stop })) as [number];
    let acknowledged = 0;
    const connecting = performance.eventLoopUtilization();
    const locks = await Promise.all(
      Array.from({ length: LOCKS }, (_, i) =>
        openBareLock(`mqtt://127.0.0.1:${port}`, `SINK${String(i).padStart(6, '0')}`, 'x', () => {
          acknowledged += 1;
        }),
      ),
    );
    const connected = busyS(connecting);
    const sending = performance.eventLoopUtilization();
    await flood(locks, () => acknowledged, stop);
    const reportsPerS = acknowledged / busyS(sending);
    for (const lock of locks) lock.close();
    return { reportsPerS: Math.round(reportsPerS), locksPerS: Math.round(LOCKS / connected) };
  } finally {
    await sink.terminate();
  }
}

/** Seconds since `since` in which this thread's event loop was busy. */
const busyS = (since: ReturnType<typeof performance.eventLoopUtilization>): number =>
  performance.eventLoopUtilization(since).active / 1_000;

async function flood(locks: readonly BareLock[], acknowledged: () => number, stop: AbortSignal): Promise<void> {
  const until = performance.now() + FOR_MS;
  const startedMs = Date.now();
  let sent = 0;
  while (performance.now() < until && !stop.aborted) {
    for (let i = 0; i < BURST && sent - acknowledged() < WINDOW; i++, sent++) {
      const index = sent % locks.length;
      locks[index]!.publish(samplePayload(index, Math.floor(sent / locks.length), startedMs), 0);
    }
    await delay(0);
  }
}
