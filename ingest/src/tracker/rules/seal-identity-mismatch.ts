import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

/**
 * The use counter of a lock never falls: a lower one is another lock under the same name. The other sign, one identity
 * with two bodies, is kept in quarantine and comes in with the plan (`identityConflicts`).
 */
export const sealIdentityMismatch = defineRule<z.ZodObject, { useCount: number }>({
  rule: 'seal.identity-mismatch',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '07',
  text: { zh: '锁身份不符', en: 'Lock identity mismatch' },
  params: z.object({}),
  judge: (was, moment) => {
    const count = moment.sealed ? moment.report.seal?.useCount : undefined;
    if (count === undefined) return was;
    const highest = Math.max(count, was.memory?.useCount ?? count);
    const fell = count < highest;
    const memory = was.memory?.useCount === highest ? was.memory : { useCount: highest };
    return stepLatch(was, moment, fell ? true : undefined, () => ({ useCount: count, highest }), memory);
  },
});
