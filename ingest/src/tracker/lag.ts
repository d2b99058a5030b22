import type { TrackedReport } from '../record/report.ts';
import type { LockMemory } from './state.ts';

/** Less says nothing of a clock, and is not kept. */
const LEAST_MS = 1_000;
/** A clock that falls behind is known after some records: each lets the least lag grow by so much. */
const GROWTH_MS = 2_000;

/**
 * By how much a lock's clock can be behind the platform's after this record, ms: the least that a live record took from its
 * time to its receipt. No record arrives before it is made, so a clock cannot be behind by more.
 */
export function lagAfter(last: Pick<LockMemory, 'lagMs'> | undefined, report: TrackedReport): number {
  if (report.kind === 'backfill') return last?.lagMs ?? 0;
  const tookMs = report.receivedMs - report.timeMs;
  const lagMs = last ? Math.min(tookMs, (last.lagMs ?? 0) + GROWTH_MS) : tookMs;
  return lagMs < LEAST_MS ? 0 : lagMs;
}
