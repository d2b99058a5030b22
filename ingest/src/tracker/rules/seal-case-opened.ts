import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

/** Someone inside the housing can make the lock say anything, so an open cover alone is red. */
export const sealCaseOpened = defineRule({
  rule: 'seal.case-opened',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '02',
  text: { zh: '锁壳被打开', en: 'Lock housing opened' },
  params: z.object({}),
  judge: (was, moment) => {
    const seal = moment.sealed ? moment.report.seal : undefined;
    return stepLatch(was, moment, seal && seal.cover === 'opened', () => ({ seal }));
  },
});
