import type { RecordedEvent, TrackedReport } from '../../record/report.ts';
import type { EvaluationContext } from '../evaluation-context.ts';

const NONE: readonly RecordedEvent[] = [];

/** Unlocking that the lock carried out; one that it refused carries `verified: false`. */
export function unlocksIn({ events }: TrackedReport): readonly RecordedEvent[] {
  return events === undefined ? NONE : events.filter((event) => event.type === 'unlock' && event.verified !== false);
}

export function refusedUnlocksIn({ events }: TrackedReport): readonly RecordedEvent[] {
  return events === undefined ? NONE : events.filter((event) => event.type === 'unlock' && event.verified === false);
}

/** true: the record shows the lock opened; false: shows it shut; undefined: shows neither. */
export function showsOpen(report: TrackedReport): boolean | undefined {
  if (unlocksIn(report).length > 0) return true;
  const seal = report.seal;
  if (!seal) return undefined;
  if (seal.motor === 'unlocked' || seal.rope === 'pulled') return true;
  return seal.motor === 'locked' && seal.rope === 'inserted' ? false : undefined;
}

/** What an alarm about an opening keeps: the source, the card, the verdict and the parts of the seal. */
export function openingEvidence({ report }: EvaluationContext): Record<string, unknown> {
  const unlocks = unlocksIn(report);
  return { ...(report.seal ? { seal: report.seal } : {}), ...(unlocks.length > 0 ? { unlocks } : {}) };
}
