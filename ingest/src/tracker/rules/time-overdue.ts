import { z } from 'zod';
import { paramsAt } from '../params.ts';
import type { TripPlan } from '../plan.ts';
import { defineRule, type Episode } from '../rule.ts';
import type { TripState } from '../state.ts';

const overdueParams = z.object({ criticalShare: z.number().min(0).max(10).default(0.5) });

/** The office sets the time limit of each trip; half of it over, nobody can call it traffic. */
export const timeOverdue = defineRule<typeof overdueParams, never>({
  rule: 'time.overdue',
  kind: 'level',
  severity: 'major',
  scope: 'trip',
  text: { zh: '运输超时', en: 'Overdue' },
  params: overdueParams,
  judge: (was, { plan, after, report }) => {
    const arrivedMs = after.arrivedAtMs;
    const due = overdueAt(plan, after, arrivedMs ?? report.timeMs);
    // What was said of a departure that late records have moved is judged anew by the fold that knows them.
    if (!due && !was.open) return was;
    if (!due) return was.open ? { ended: [{ ...was.open, endedMs: arrivedMs ?? report.timeMs }] } : {};
    const open = was.open ? { ...was.open, severity: due.severity ?? 'major' } : due;
    if (arrivedMs === undefined) return { open };
    return was.open ? { ended: [{ ...open, endedMs: arrivedMs }] } : {};
  },
});

/** The overdue episode at a time, if the limit has run out by then; the clock asks the same (`liveness`). */
export function overdueAt(plan: TripPlan, state: TripState, timeMs: number): Episode | undefined {
  const { departedAtMs } = state;
  if (plan.timeLimitMin === undefined || departedAtMs === undefined) return undefined;
  const limitMs = plan.timeLimitMin * 60_000;
  const dueMs = departedAtMs + limitMs;
  if (timeMs <= dueMs) return undefined;
  const { criticalShare } = paramsAt(plan.params, 'time.overdue', state.doneM) as z.output<typeof overdueParams>;
  return {
    // It is the trip that is late: its first lock stands for it.
    lockId: plan.locks[0] ?? '',
    startedMs: dueMs,
    confirmedMs: dueMs,
    severity: timeMs > dueMs + criticalShare * limitMs ? 'critical' : 'major',
    evidence: { departedAtMs, limitMin: plan.timeLimitMin },
  };
}
