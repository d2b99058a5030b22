import { z } from 'zod';
import type { Episode } from '../episode.ts';
import { paramsAt } from '../params.ts';
import type { TripPlan } from '../plan.ts';
import { defineRule } from '../rule.ts';
import type { TripState } from '../state.ts';

const RULE = 'time.overdue';

const params = z.object({ criticalShare: z.number().min(0).max(10).default(0.5) });
type Params = z.output<typeof params>;

/** The office sets the time limit of each trip; exceeded by half, it is more than a traffic jam. */
export const timeOverdue = defineRule<typeof params, never>({
  rule: RULE,
  kind: 'level',
  severity: 'major',
  scope: 'trip',
  text: { zh: '运输超时', en: 'Overdue' },
  params,
  judge: (was, { plan, after, report }) => {
    const arrivedMs = after.arrivedAtMs;
    const due = overdueAt(plan, after, arrivedMs ?? report.timeMs, paramsAt(plan.params, RULE, after.doneM) as Params);
    if (!due && !was.open) return was;
    // Late records may have moved the departure, so that the trip is not overdue after all.
    if (!due) return was.open ? { ended: [{ ...was.open, endedMs: arrivedMs ?? report.timeMs }] } : {};
    const open = was.open ? { ...was.open, severity: due.severity ?? 'major' } : due;
    if (arrivedMs === undefined) return { open };
    return was.open ? { ended: [{ ...open, endedMs: arrivedMs }] } : {};
  },
  clock: {
    openAt: (plan, state, nowMs, values) => {
      const isOver = state.arrivedAtMs !== undefined || plan.unlockAuthorisedAtMs !== undefined;
      return isOver ? undefined : overdueAt(plan, state, nowMs, values);
    },
    isStillOpen: ({ timeLimitMin }, { departedAtMs, arrivedAtMs }, { startedMs }) => {
      if (arrivedAtMs !== undefined || departedAtMs === undefined) return false;
      return startedMs === departedAtMs + (timeLimitMin ?? 0) * 60_000;
    },
  },
});

/** The overdue episode at a time, if the limit has run out by then. */
function overdueAt(plan: TripPlan, state: TripState, timeMs: number, { criticalShare }: Params): Episode | undefined {
  const { departedAtMs } = state;
  if (plan.timeLimitMin === undefined || departedAtMs === undefined) return undefined;
  const limitMs = plan.timeLimitMin * 60_000;
  const dueMs = departedAtMs + limitMs;
  if (timeMs <= dueMs) return undefined;
  return {
    // The whole trip is late; the episode names its first lock.
    lockId: plan.locks[0] ?? '',
    startedMs: dueMs,
    confirmedMs: dueMs,
    severity: timeMs > dueMs + criticalShare * limitMs ? 'critical' : 'major',
    evidence: { departedAtMs, limitMin: plan.timeLimitMin },
  };
}
