import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Histogram } from 'hdr-histogram-js';
import { build } from 'hdr-histogram-js';
import { z } from 'zod';
import type { Progress } from '../progress.ts';
import type { Rest } from '../rest.ts';
import { connectRest, untilReady } from '../rest.ts';
import { lockName } from '../scenario/groups.ts';
import { recordsOf } from '../score/evidence.ts';
import type { BusyClock, Ceiling } from './ceiling.ts';
import { eventLoop, measureCeiling } from './ceiling.ts';
import type { Offered } from './offer.ts';
import { offer } from './offer.ts';
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
  /** requested reports per second, over all locks */
  offeredPerS: number;
  sent: number;
  acknowledged: number;
  acknowledgedPerS: number;
  /** not sent because the lock's connection was gone */
  unsendable: number;
  /**
   * From the time a report was due to its PUBACK, so that a stall counts for every report due meanwhile (corrected for
   * coordinated omission). A report without PUBACK counts with the time it has waited.
   */
  latencyMs: { p50: number; p95: number; p99: number; p999: number; max: number };
  /** longest time the sender itself was behind its own schedule */
  senderLateMs: number;
  /** percent of one core; below 100 the sender was not the bottleneck */
  senderBusyPercent: number;
  /** reports per second of busy time of the sender */
  senderReportsPerSPerCore: number;
  /** the same against a sink that only acknowledges */
  ceiling: Ceiling;
  missingInSample: number;
}

const READY_WAIT_MS = 60_000;
const IMPORT_AT_ONCE = 10_000;
const DRAIN_MS = 30_000;
/** After a stop, longest wait for outstanding PUBACKs, ms. */
const STOPPED_DRAIN_MS = 3_000;
const SAMPLED_LOCKS = 20;

/** How the sender itself is measured. */
export interface Gauges {
  ceiling(stop: AbortSignal): Promise<Ceiling>;
  clock: BusyClock;
}

const OWN: Gauges = { ceiling: measureCeiling, clock: eventLoop };

/** Offers reports at a fixed rate, whether the platform keeps up or not, and measures each from the time it was due. */
export async function runLoad(
  options: LoadOptions,
  progress: Progress,
  stop: AbortSignal,
  gauges: Gauges = OWN,
): Promise<LoadResult> {
  const rest = connectRest(options.http, options.key, new AbortController().signal);
  await untilReady(options.http, READY_WAIT_MS, stop);
  const ceiling = await gauges.ceiling(stop);
  progress.info('the sender alone', { ...ceiling });
  const startedMs = Date.now();
  const secrets = await register(rest, options, startedMs);
  progress.info('locks registered', { locks: secrets.length });
  const histogram = latencyHistogram();
  const tally = { acknowledged: 0 };
  const onAcknowledged = (dueMs: number) => {
    tally.acknowledged += 1;
    record(histogram, dueMs);
  };
  const connectFrom = performance.now();
  const locks = await connectAll(options, secrets, onAcknowledged, progress, stop);
  const connectS = (performance.now() - connectFrom) / 1_000;
  try {
    const busy = gauges.clock.begin();
    const offerFrom = performance.now();
    const onProgress = (done: number, of: number) =>
      progress.share('offering', done, of, {
        acknowledged: tally.acknowledged,
        p99Ms: Math.round(histogram.getValueAtPercentile(99) / 1_000),
      });
    const offered = await offer({ ...options, startedMs }, locks, onProgress, stop);
    const use = busy();
    await drained(locks, stop);
    const elapsedS = (performance.now() - offerFrom) / 1_000;
    for (const lock of locks) for (const dueMs of lock.unanswered()) record(histogram, dueMs);
    return {
      locks: locks.length,
      connectS,
      offeredPerS: options.rate,
      sent: offered.sent,
      acknowledged: tally.acknowledged,
      acknowledgedPerS: tally.acknowledged / elapsedS,
      unsendable: offered.unsendable,
      latencyMs: latenciesOf(histogram),
      senderLateMs: offered.senderLateMs,
      senderBusyPercent: Math.round(use.utilization * 100),
      senderReportsPerSPerCore: Math.round(offered.sent / (use.active / 1_000)),
      ceiling,
      missingInSample: await missingInSample(rest, locks, offered, startedMs),
    };
  } finally {
    for (const lock of locks) lock.close();
  }
}

/** Latencies from 1 µs to 10 min, in µs, with three significant digits. */
function latencyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

function record(histogram: Histogram, dueMs: number): void {
  histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1_000)));
}

function latenciesOf(histogram: Histogram): LoadResult['latencyMs'] {
  const at = (percent: number) => histogram.getValueAtPercentile(percent) / 1_000;
  return { p50: at(50), p95: at(95), p99: at(99), p999: at(99.9), max: histogram.maxValue / 1_000 };
}

async function drained(locks: readonly BareLock[], stop: AbortSignal): Promise<void> {
  const from = Date.now();
  const patienceMs = () => (stop.aborted ? STOPPED_DRAIN_MS : DRAIN_MS);
  while (locks.some((lock) => lock.open && lock.waiting > 0) && Date.now() - from < patienceMs()) await delay(50);
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
    const locks = lockIds
      .slice(from, from + IMPORT_AT_ONCE)
      .map((lockId) => ({ lockId, model: 'load', simulated: true }));
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
  try {
    for (let from = 0; from < secrets.length && !stop.aborted; from += perPulse) {
      const part = secrets.slice(from, from + perPulse);
      const opened = part.map(async ({ lockId, secret }) => {
        locks.push(await openBareLock(options.mqtt, lockId, secret, onAcknowledged));
      });
      await Promise.all([...opened, delay(100)]);
      progress.share('connecting locks', locks.length, secrets.length);
    }
  } catch (error) {
    for (const lock of locks) lock.close();
    throw error;
  }
  return locks;
}

/** Acknowledged records of a sample of locks that the platform does not return. */
async function missingInSample(
  rest: Rest,
  locks: readonly BareLock[],
  { seqs }: Offered,
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
