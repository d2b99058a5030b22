import { z } from 'zod';
import { sentBoot } from '../../record/life.ts';
import type { ClockReason } from '../../record/report.ts';
import { isNumbered } from '../plan.ts';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({ aheadS: z.number().positive().max(600).default(60) });

/** Times that a record cannot have been made at (`judgeTime`), or that contradict the lock's own numbering. */
export const commsClock = defineRule<typeof params, never>({
  rule: 'comms.clock',
  kind: 'level',
  severity: 'minor',
  eaeuCode: '04',
  text: { zh: '时钟异常', en: 'Lock clock wrong' },
  params,
  judge: (was, context, { aheadS }) => {
    const { last, plan } = context;
    const { lockId, boot, seq, timeMs, sentMs = timeMs, clockFault } = context.report;
    const errorMs = sentMs - timeMs;
    const backwards = isNumbered(plan, lockId)
      ? last !== undefined && (boot < last.boot || (boot === last.boot && isBefore(seq, last.seq)))
      : boot === WITHOUT_CLOCK;
    const isFault = clockFault !== undefined && Math.abs(errorMs) > (isSlight(clockFault) ? aheadS * 1_000 : 0);
    const wrong = backwards || isFault;
    if (!wrong || was.open) return stepLevel(was, context, wrong);
    const evidence = isFault
      ? { reason: clockFault, errorMs }
      : { reason: 'numbers', boot: sentBoot(boot), seq, after: { boot: sentBoot(last?.boot ?? 0), seq: last?.seq } };
    return stepLevel(was, context, true, { evidence });
  },
});

/** The boot of an unnumbered record is its time in seconds: the lock's clock did not run. */
const WITHOUT_CLOCK = 0;

/** Clocks that are a little fast or slow are common. */
const isSlight = (reason: ClockReason): boolean => reason === 'ahead' || reason === 'slow';

/** Serial numbers wrap: the shorter way round counts. */
function isBefore(seq: number, last: number): boolean {
  return seq !== last && (last - seq) >>> 0 < 0x8000_0000;
}
