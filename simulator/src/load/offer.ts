import { setTimeout as delay } from 'node:timers/promises';
import { samplePayload } from './payload.ts';
import type { BareLock } from './socket.ts';

export interface Offer {
  /** reports per second, over all locks */
  rate: number;
  seconds: number;
  /** fix time of the first report, epoch ms */
  startedMs: number;
}

export interface Offered {
  sent: number;
  /** not sent because the lock's connection was gone */
  unsendable: number;
  /** longest time the sender itself was behind its own schedule, ms */
  senderLateMs: number;
  /** records made per lock */
  seqs: number[];
}

const PULSE_MS = 5;
const PROGRESS_EVERY_MS = 500;

/**
 * Sends every 5 ms the reports that are due by the clock; a slow platform does not slow the offer (open loop).
 * @param onProgress called twice a second with the number of reports offered so far
 */
export async function offer(
  { rate, seconds, startedMs }: Offer,
  locks: readonly BareLock[],
  onProgress: (sent: number, of: number) => void,
  stop: AbortSignal,
): Promise<Offered> {
  const seqs = locks.map(() => 0);
  const result: Offered = { sent: 0, unsendable: 0, senderLateMs: 0, seqs };
  const total = Math.floor(rate * seconds);
  const begin = performance.now();
  const perMs = rate / 1_000;
  let progressMs = begin;
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
    if (now - progressMs > PROGRESS_EVERY_MS) {
      progressMs = now;
      onProgress(next, total);
    }
    await delay(PULSE_MS);
  }
  onProgress(result.sent + result.unsendable, total);
  return result;
}
