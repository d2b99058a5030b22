import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

/** A cut rope means the door may have been opened with the lock untouched. */
export const sealRopeCut = defineRule({
  rule: 'seal.rope-cut',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'not-opened',
  eaeuCode: '01',
  text: { zh: '锁绳剪断', en: 'Rope cut' },
  params: z.object({}),
  judge: (was, context) => {
    const seal = context.sealed ? context.report.seal : undefined;
    return stepLatch(was, context, seal?.rope === undefined ? undefined : seal.rope === 'cut', () => ({ seal }));
  },
});
