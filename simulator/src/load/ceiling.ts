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

/** Measures how long a thread has been busy since `begin` was called. */
export interface BusyClock {
  begin(): () => Busy;
}
export interface Busy {
  /** busy time, ms */
  active: number;
  /** busy share of the time, 0 to 1 */
  utilization: number;
}

/** The event loop of this thread. */
export const eventLoop: BusyClock = {
  begin() {
    const since = performance.eventLoopUtilization();
    return () => performance.eventLoopUtilization(since);
  },
};

export interface CeilingOptions {
  locks: number;
  /** Sending ends after this, ms, … */
  forMs: number;
  /** … or when so many reports are acknowledged. */
  reports: number;
  clock: BusyClock;
}

const LARGEST: CeilingOptions = { locks: 200, forMs: 1_500, reports: Number.POSITIVE_INFINITY, clock: eventLoop };
/** Reports without PUBACK at the same time: keeps the sender busy and its memory small. */
const WINDOW = 4_000;
const BURST = 200;

/**
 * Sends as fast as possible, by default for 1.5 s, to a sink that only acknowledges (`bin/sink.mjs`, in a worker). A rate measured
 * against a platform that is lower than this is limited by the platform.
 */
export async function measureCeiling(stop: AbortSignal, options: CeilingOptions = LARGEST): Promise<Ceiling> {
  const { clock } = options;
  const sink = new Worker(new URL('../../bin/sink.mjs', import.meta.url));
  try {
    const [port] = (await once(sink, 'message', { signal: stop })) as [number];
    let acknowledged = 0;
    const connecting = clock.begin();
    const locks = await Promise.all(
      Array.from({ length: options.locks }, (_, i) =>
        openBareLock(`mqtt://127.0.0.1:${port}`, `SINK${String(i).padStart(6, '0')}`, 'x', () => {
          acknowledged += 1;
        }),
      ),
    );
    const connectedMs = connecting().active;
    const sending = clock.begin();
    await flood(locks, () => acknowledged, options, stop);
    const sentMs = sending().active;
    for (const lock of locks) lock.close();
    return {
      reportsPerS: Math.round((acknowledged * 1_000) / sentMs),
      locksPerS: Math.round((locks.length * 1_000) / connectedMs),
    };
  } finally {
    await sink.terminate();
  }
}

async function flood(
  locks: readonly BareLock[],
  acknowledged: () => number,
  { forMs, reports }: CeilingOptions,
  stop: AbortSignal,
): Promise<void> {
  const until = performance.now() + forMs;
  const startedMs = Date.now();
  let sent = 0;
  while (performance.now() < until && acknowledged() < reports && !stop.aborted) {
    for (let i = 0; i < BURST && sent < reports && sent - acknowledged() < WINDOW; i++, sent++) {
      const index = sent % locks.length;
      locks[index]!.publish(samplePayload(index, Math.floor(sent / locks.length), startedMs), 0);
    }
    await delay(0);
  }
}
