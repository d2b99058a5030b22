import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { showsOpen } from './seal-reading.ts';

interface Seen {
  openedMs?: number;
  /** Least use counter since the sealing; a higher one means that the lock was closed again. */
  useCount?: number;
}

/** Opened and shut again looks whole at the gate; the use counter tells it even where no record saw it open. */
export const sealReclosed = defineRule<z.ZodObject, Seen>({
  rule: 'seal.reclosed',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '07',
  text: { zh: '途中重新施封', en: 'Lock closed again in transit' },
  params: z.object({}),
  judge: (was, moment) => {
    if (!moment.sealed) return was;
    const { report } = moment;
    const seen: Seen = { ...was.memory };
    const open = showsOpen(report);
    const count = report.seal?.useCount;
    const counted = count !== undefined && seen.useCount !== undefined && count > seen.useCount;
    if (count !== undefined) seen.useCount = Math.min(count, seen.useCount ?? count);
    if (open) {
      seen.openedMs ??= report.timeMs;
      return stepLatch(was, moment, false, {}, seen);
    }
    const proof = counted || (open === false && seen.openedMs !== undefined);
    const evidence = { seal: report.seal, openedMs: seen.openedMs, sealedUseCount: seen.useCount };
    return stepLatch(was, moment, proof ? true : undefined, evidence, seen);
  },
});
