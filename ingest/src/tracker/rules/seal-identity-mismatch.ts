import { z } from 'zod';
import { lifeOf, sentBoot } from '../../record/life.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

/**
 * The use counter of a lock never falls: a lower one is another lock under the same name. The other sign is two different
 * records with one identity, or counters that start again; these come with the plan (`identityConflicts`).
 */
export const sealIdentityMismatch = defineRule<z.ZodObject, { useCount: number }>({
  rule: 'seal.identity-mismatch',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '07',
  text: { zh: '锁身份不符', en: 'Lock identity mismatch' },
  params: z.object({}),
  judge: (was, context) => {
    const count = context.sealed ? context.report.seal?.useCount : undefined;
    if (count === undefined) return was;
    const highest = Math.max(count, was.memory?.useCount ?? count);
    const fell = count < highest;
    const memory = was.memory?.useCount === highest ? was.memory : { useCount: highest };
    return stepLatch(was, context, fell ? true : undefined, () => ({ useCount: count, highest }), memory);
  },
  episodesInPlan: ({ identityConflicts = [] }) =>
    identityConflicts.map(({ lockId, boot, seq, timeMs }) => ({
      lockId,
      startedMs: timeMs,
      confirmedMs: timeMs,
      provenMs: timeMs,
      evidence:
        lifeOf(boot) > 0
          ? { countersRestarted: { boot: sentBoot(boot), seq } }
          : { conflict: { boot: sentBoot(boot), seq } },
    })),
});
