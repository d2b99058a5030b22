import { z } from 'zod';
import { sentBoot } from '../../record/life.ts';
import type { ClockReason } from '../../record/report.ts';
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
    const { last } = context;
    const { boot, seq, timeMs, sentMs = timeMs, clockFault } = context.report;
    const errorMs = sentMs - timeMs;
    const backwards = last !== undefined && (boot < last.boot || (boot === last.boot && isBefore(seq, last.seq)));
    const isFault = clockFault !== undefined && Math.abs(errorMs) > (isSlight(clockFault) ? aheadS * 1_000 : 0);
    const wrong = backwards || isFault;
    if (!wrong || was.open) return stepLevel(was, context, wrong);
    const evidence = isFault
      ? { reason: clockFault, errorMs }
      : { reason: 'numbers', boot: sentBoot(boot), seq, after: { boot: sentBoot(last?.boot ?? 0), seq: last?.seq } };
    return stepLevel(was, context, true, { evidence });
  },
});

/** Clocks that are a little fast or slow are common. */
const isSlight = (reason: ClockReason): boolean => reason === 'ahead' || reason === 'slow';

/** Serial numbers wrap: the shorter way round counts. */
function isBefore(seq: number, last: number): boolean {
  return seq !== last && (last - seq) >>> 0 < 0x8000_0000;
}
