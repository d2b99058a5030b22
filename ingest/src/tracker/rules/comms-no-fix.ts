import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({
  afterMin: z.number().positive().max(1_440).default(10),
  majorAfterMin: z.number().positive().max(1_440).default(30),
});

/** A tunnel lasts minutes; ten minutes of records without a GNSS fix is a covered antenna, a fault or a jammer. */
export const commsNoFix = defineRule<typeof params, { sinceMs: number }>({
  rule: 'comms.no-fix',
  kind: 'level',
  severity: 'minor',
  eaeuCode: '04',
  text: { zh: '无定位', en: 'No position fix' },
  params,
  judge: (was, context, { afterMin, majorAfterMin }) => {
    if ((context.fix && !context.repeated) || !context.sealed) return stepLevel(was, context, false);
    const sinceMs = was.memory?.sinceMs ?? context.report.timeMs;
    const minutes = (context.report.timeMs - sinceMs) / 60_000;
    const severity = minutes >= majorAfterMin ? 'major' : 'minor';
    return stepLevel(
      was,
      context,
      minutes >= afterMin ? true : undefined,
      { startedMs: sinceMs, severity },
      { sinceMs },
    );
  },
});
