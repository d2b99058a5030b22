import { z } from 'zod';
import type { TrackedReport } from '../../record/report.ts';
import { defineRule } from '../rule.ts';
import { type Burst, stepBurst } from './burst.ts';

const params = z.object({
  windowMin: z.number().positive().max(1_440).default(10),
  majorFrom: z.int().min(1).max(10).default(5),
});

/** A lock counts its wrong passwords; five within ten minutes is guessing. */
export const sealWrongPassword = defineRule<typeof params, Burst>({
  rule: 'seal.wrong-password',
  kind: 'edge',
  severity: 'minor',
  eaeuCode: '07',
  text: { zh: '密码错误', en: 'Wrong password' },
  params,
  judge: (was, context, { windowMin, majorFrom }) => {
    const tries = triesIn(context.report);
    return stepBurst(was, context, tries, windowMin * 60_000, (recent, count) => ({
      ...(recent >= majorFrom || was.open?.severity === 'major' ? { severity: 'major' } : {}),
      evidence: { count },
    }));
  },
});

function triesIn({ events }: TrackedReport): number {
  if (events === undefined) return 0;
  return events.reduce((sum, event) => sum + (event.type === 'wrong-password' ? Math.max(1, event.count ?? 1) : 0), 0);
}
