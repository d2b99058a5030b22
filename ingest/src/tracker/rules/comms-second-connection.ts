import { z } from 'zod';
import { defineRule } from '../rule.ts';

/**
 * A second connection came under the id of a lock while the first one lived: two devices, since a lock has one. It comes with
 * the plan, from the bridge, and not with a record.
 */
export const commsSecondConnection = defineRule<z.ZodObject, never>({
  rule: 'comms.second-connection',
  kind: 'latched',
  severity: 'major',
  eaeuCode: '07',
  text: { zh: '锁号重复连接', en: 'Lock id connected twice' },
  params: z.object({}),
  judge: (was) => was,
  episodesInPlan: ({ secondConnections = [] }) =>
    secondConnections.map(({ lockId, timeMs, was, came }) => ({
      lockId,
      startedMs: timeMs,
      confirmedMs: timeMs,
      provenMs: timeMs,
      evidence: { was, came },
    })),
});
