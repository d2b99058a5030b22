import { z } from 'zod';
import { defineRule } from '../rule.ts';

/** What was judged with hindsight. It is about the arrival, so it alone may differ when the same records come otherwise. */
export const commsLateBatch = defineRule<z.ZodObject, { count: number }>({
  rule: 'comms.late-batch',
  kind: 'edge',
  severity: 'info',
  eaeuCode: '04',
  text: { zh: '补传数据', en: 'Late records' },
  params: z.object({}),
  judge: (was, moment) => {
    const { report } = moment;
    const open = was.open;
    if (!moment.late) return open ? { ended: [{ ...open, endedMs: open.provenMs ?? open.startedMs }] } : was;
    const count = (was.memory?.count ?? 0) + 1;
    const begun = open ?? { lockId: report.lockId, startedMs: report.timeMs, confirmedMs: report.timeMs, late: true };
    return { memory: { count }, open: { ...begun, provenMs: report.timeMs, evidence: { count } } };
  },
});
