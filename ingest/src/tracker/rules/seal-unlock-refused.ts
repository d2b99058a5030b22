import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { type Burst, stepBurst } from './burst.ts';
import { refusedUnlocksIn } from './seal-reading.ts';

const params = z.object({
  windowMin: z.number().positive().max(1_440).default(10),
  majorFrom: z.int().min(1).max(10).default(3),
});

/** A lock refuses outside its area or without a right: the seal held, but there was an attempt. */
export const sealUnlockRefused = defineRule<typeof params, Burst>({
  rule: 'seal.unlock-refused',
  kind: 'edge',
  severity: 'minor',
  eaeuCode: '07',
  text: { zh: '开锁被拒', en: 'Unlock refused' },
  params,
  judge: (was, context, { windowMin, majorFrom }) => {
    const refused = refusedUnlocksIn(context.report);
    return stepBurst(was, context, refused.length, windowMin * 60_000, (recent, count) => ({
      ...(recent >= majorFrom || was.open?.severity === 'major' ? { severity: 'major' } : {}),
      evidence: { count, unlocks: refused.slice(-3) },
    }));
  },
});
