import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({ afterMin: z.number().positive().max(10_080).default(120) });

/** A lock left open for two hours is lost, forgotten or on a truck that should have been sealed. */
export const sealLongUnlocked = defineRule<typeof params, { sinceMs: number }>({
  rule: 'seal.long-unlocked',
  kind: 'level',
  severity: 'minor',
  eaeuCode: '04',
  text: { zh: '长时间未施封', en: 'Unlocked for long' },
  params,
  judge: (was, context, { afterMin }) => {
    const motor = context.report.seal?.motor;
    if (motor === undefined) return was;
    if (motor !== 'unlocked') return stepLevel(was, context, false);
    const sinceMs = was.memory?.sinceMs ?? context.report.timeMs;
    const long = context.report.timeMs - sinceMs >= afterMin * 60_000;
    return stepLevel(was, context, long ? true : undefined, { startedMs: sinceMs }, { sinceMs });
  },
});
