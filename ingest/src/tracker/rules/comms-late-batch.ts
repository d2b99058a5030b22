import { z } from 'zod';
import { defineRule } from '../rule.ts';

/** Records that arrived late. Only this alarm depends on how the same records arrived, and not on the records alone. */
export const commsLateBatch = defineRule<z.ZodObject, { count: number }>({
  rule: 'comms.late-batch',
  kind: 'edge',
  severity: 'info',
  eaeuCode: '04',
  text: { zh: '补传数据', en: 'Late records' },
  params: z.object({}),
  judge: (was, context) => {
    const { report } = context;
    const open = was.open;
    if (!context.late) return open ? { ended: [{ ...open, endedMs: open.provenMs ?? open.startedMs }] } : was;
    const count = (was.memory?.count ?? 0) + 1;
    const begun = open ?? { lockId: report.lockId, startedMs: report.timeMs, confirmedMs: report.timeMs, late: true };
    return { memory: { count }, open: { ...begun, provenMs: report.timeMs, evidence: { count } } };
  },
});
