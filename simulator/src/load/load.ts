import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import { z } from 'zod';
import type { Progress } from '../progress.ts';
import type { Rest } from '../rest.ts';
import { connectRest, untilReady } from '../rest.ts';
import { lockName } from '../scenario/groups.ts';
import { recordsOf } from '../score/evidence.ts';
import { samplePayload } from './payload.ts';
import type { BareLock } from './socket.ts';
import { openBareLock } from './socket.ts';

export interface LoadOptions {
  http: string;
  mqtt: string;
  key: string;
  locks: number;
  /** reports per second, over all locks */
  rate: number;
  seconds: number;
  /** new connections per second */
  ramp: number;
  seed: number;
}

export interface LoadResult {
  locks: number;
  connectS: number;
  offeredPerS: number;
  sent: number;
  acknowledged: number;
  acknowledgedPerS: number;
  /** not sent because the lock's connection was gone */
  unsendable: number;
  /** from the moment a report was due to its PUBACK: corrected for coordinated omission */
  latencyMs: { p50: number; p95: number; p99: number; max: number };
  /** longest time the sender itself was behind its own schedule */
  senderLateMs: number;
  missingInSample: number;
}

const READY_WAIT_MS = 60_000;
const IMPORT_AT_ONCE = 10_000;
const PULSE_MS = 5;
const DRAIN_MS = 30_000;
const SAMPLED_LOCKS = 20;

/** Offers reports at a fixed rate, whether the platform keeps up or not, and measures from when each was due. */
export async function runLoad(options: LoadOptions, progress: Progress, stop: AbortSignal): Promise<LoadResult> {
  const rest = connectRest(options.http, options.key, stop);
  await untilReady(options.http, READY_WAIT_MS, stop);
  const startedMs = Date.now();
  const secrets = await register(rest, options, startedMs);
  progress.info('locks registered', { locks: secrets.length });
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const tally = { acknowledged: 0 };
  const onAcknowledged = (dueMs: number) => {
    tally.acknowledged += 1;
    histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1_000)));
  };
  const connectFrom = performance.now();
  const locks = await connectAll(options, secrets, onAcknowledged, progress, stop);
  const connectS = (performance.now() - connectFrom) / 1_000;
  try {
    const offerFrom = performance.now();
    const offered = await offer(options, locks, startedMs, () => tally.acknowledged, progress, stop);
    const drainUntil = Date.now() + DRAIN_MS;
    while (tally.acknowledged < offered.sent && Date.now() < drainUntil && !stop.aborted) await delay(50);
    const elapsedS = (performance.now() - offerFrom) / 1_000;
    return {
      locks: locks.length,
      connectS,
      offeredPerS: options.rate,
      sent: offered.sent,
      acknowledged: tally.acknowledged,
      acknowledgedPerS: tally.acknowledged / elapsedS,
      unsendable: offered.unsendable,
      latencyMs: {
        p50: histogram.getValueAtPercentile(50) / 1_000,
        p95: histogram.getValueAtPercentile(95) / 1_000,
        p99: histogram.getValueAtPercentile(99) / 1_000,
        max: histogram.maxValue / 1_000,
      },
      senderLateMs: offered.senderLateMs,
      missingInSample: stop.aborted ? 0 : await missingInSample(rest, locks, offered.seqs, startedMs),
    };
  } finally {
    for (const lock of locks) lock.close();
  }
}

async function register(
  rest: Rest,
  options: LoadOptions,
  startedMs: number,
): Promise<{ lockId: string; secret: string }[]> {
  const Secrets = z.object({ items: z.array(z.object({ lockId: z.string(), secret: z.string() })) });
  const lockIds = Array.from({ length: options.locks }, (_, i) => lockName(options.seed, startedMs, i));
  const secrets: { lockId: string; secret: string }[] = [];
  for (let from = 0; from < lockIds.length; from += IMPORT_AT_ONCE) {
    const locks = lockIds.slice(from, from + IMPORT_AT_ONCE).map((lockId) => ({ lockId, model: 'load' }));
    secrets.push(...Secrets.parse(await rest.post('/locks/import', { locks })).items);
  }
  return secrets;
}

async function connectAll(
  options: LoadOptions,
  secrets: readonly { lockId: string; secret: string }[],
  onAcknowledged: (dueMs: number) => void,
  progress: Progress,
  stop: AbortSignal,
): Promise<BareLock[]> {
  const locks: BareLock[] = [];
  const perPulse = Math.max(1, Math.ceil(options.ramp / 10));
  for (let from = 0; from < secrets.length && !stop.aborted; from += perPulse) {
    const part = secrets.slice(from, from + perPulse);
    const opened = part.map(({ lockId, secret }) => openBareLock(options.mqtt, lockId, secret, onAcknowledged));
    const [these] = await Promise.all([Promise.all(opened), delay(100)]);
    locks.push(...these);
    if (locks.length % (perPulse * 10) === 0)
      progress.info('connecting locks', { locks: locks.length, of: secrets.length });
  }
  return locks;
}

interface Offered {
  sent: number;
  unsendable: number;
  senderLateMs: number;
  seqs: number[];
}

/** Each pulse sends whatever is due by the clock: a slow platform never slows the offer. */
async function offer(
  options: LoadOptions,
  locks: readonly BareLock[],
  startedMs: number,
  acknowledged: () => number,
  progress: Progress,
  stop: AbortSignal,
): Promise<Offered> {
  const seqs = locks.map(() => 0);
  const result: Offered = { sent: 0, unsendable: 0, senderLateMs: 0, seqs };
  const total = Math.floor(options.rate * options.seconds);
  const begin = performance.now();
  const perMs = options.rate / 1_000;
  let toldMs = begin;
  for (let next = 0; next < total && !stop.aborted; ) {
    const now = performance.now();
    const dueCount = Math.min(total, Math.floor((now - begin) * perMs));
    for (; next < dueCount; next++) {
      const index = next % locks.length;
      const lock = locks[index]!;
      const dueMs = begin + next / perMs;
      result.senderLateMs = Math.max(result.senderLateMs, performance.now() - dueMs);
      if (!lock.open) {
        result.unsendable += 1;
        continue;
      }
      lock.publish(samplePayload(index, seqs[index]!, startedMs + (dueMs - begin)), dueMs);
      seqs[index]! += 1;
      result.sent += 1;
    }
    if (now - toldMs > 2_000) {
      toldMs = now;
      progress.info('offering', { sent: result.sent, acknowledged: acknowledged(), of: total });
    }
    await delay(PULSE_MS);
  }
  return result;
}

async function missingInSample(
  rest: Rest,
  locks: readonly BareLock[],
  seqs: readonly number[],
  startedMs: number,
): Promise<number> {
  let missing = 0;
  const stride = Math.max(1, Math.floor(locks.length / SAMPLED_LOCKS));
  for (let i = 0; i < locks.length; i += stride) {
    const lock = locks[i]!;
    const window = { lockIds: [lock.lockId], departedMs: startedMs, endMs: Date.now() };
    const shown = new Set(await recordsOf(rest, window));
    missing += Math.max(0, seqs[i]! - lock.waiting - shown.size);
  }
  return missing;
}
