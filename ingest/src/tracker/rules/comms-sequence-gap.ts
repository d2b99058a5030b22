import { z } from 'zod';
import { nextSeq } from '../../record/report.ts';
import { isNumbered } from '../plan.ts';
import { defineRule } from '../rule.ts';
import { type Burst, stepBurst } from './burst.ts';

const params = z.object({ windowMin: z.number().positive().max(1_440).default(10) });

/** Numbers that are missing are records the lock still holds or has lost; they go away when the records come. */
export const commsSequenceGap = defineRule<typeof params, Burst>({
  rule: 'comms.sequence-gap',
  kind: 'edge',
  severity: 'minor',
  eaeuCode: '04',
  text: { zh: '报文缺失', en: 'Records missing' },
  params,
  judge: (was, context, { windowMin }) => {
    const { last, report, plan } = context;
    if (!isNumbered(plan, report.lockId)) return was;
    const jump = last && last.boot === report.boot ? (report.seq - nextSeq(last.seq)) >>> 0 : 0;
    // Half the number space back is not a gap but a clock that went wrong.
    const missing = last && jump < 0x8000_0000 ? jump : 0;
    return stepBurst(was, context, Math.min(missing, 1), windowMin * 60_000, () => ({
      evidence: {
        missing: missing + Number(was.open?.evidence?.missing ?? 0),
        newest: { boot: report.boot, afterSeq: last?.seq, beforeSeq: report.seq, sinceMs: last?.timeMs },
      },
    }));
  },
});
