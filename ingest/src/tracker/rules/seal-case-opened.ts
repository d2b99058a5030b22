import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

/** Someone inside the housing can make the lock report anything, so an open cover alone is red. */
export const sealCaseOpened = defineRule({
  rule: 'seal.case-opened',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'case-intact',
  eaeuCode: '02',
  text: { zh: '锁壳打开', en: 'Lock case opened' },
  params: z.object({}),
  judge: (was, context) => {
    const seal = context.sealed ? context.report.seal : undefined;
    return stepLatch(was, context, seal?.cover === undefined ? undefined : seal.cover === 'opened', () => ({ seal }));
  },
});
