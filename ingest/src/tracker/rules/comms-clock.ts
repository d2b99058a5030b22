import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({ aheadS: z.number().positive().max(600).default(60) });

/** Fix times that contradict the lock's own numbering, or lie ahead of the platform: the order of its records is in doubt. */
export const commsClock = defineRule<typeof params, never>({
  rule: 'comms.clock',
  kind: 'level',
  severity: 'minor',
  eaeuCode: '04',
  text: { zh: '时钟异常', en: 'Lock clock wrong' },
  params,
  judge: (was, context, { aheadS }) => {
    const { last } = context;
    const { boot, seq, timeMs, receivedMs } = context.report;
    const aheadMs = timeMs - receivedMs;
    const backwards = last !== undefined && (boot < last.boot || (boot === last.boot && isBefore(seq, last.seq)));
    const wrong = backwards || aheadMs > aheadS * 1_000;
    if (!wrong || was.open) return stepLevel(was, context, wrong);
    const evidence = backwards ? { boot, seq, after: { boot: last.boot, seq: last.seq } } : { aheadMs };
    return stepLevel(was, context, true, { evidence });
  },
});

/** Serial numbers wrap: the shorter way round counts. */
function isBefore(seq: number, last: number): boolean {
  return seq !== last && (last - seq) >>> 0 < 0x8000_0000;
}
