import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { showsOpen } from './seal-reading.ts';

interface Seen {
  openedMs?: number;
  /** Least use counter since the sealing; a higher one means that the lock was closed again. */
  useCount?: number;
}

/** A lock opened and shut again looks intact at the gate; its use counter shows it even if no record saw it open. */
export const sealReclosed = defineRule<z.ZodObject, Seen>({
  rule: 'seal.reclosed',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'not-opened',
  eaeuCode: '07',
  text: { zh: '途中重新施封', en: 'Closed again in transit' },
  params: z.object({}),
  judge: (was, context) => {
    if (!context.sealed) return was;
    const { report } = context;
    const open = showsOpen(report);
    const count = report.seal?.useCount;
    const least = was.memory?.useCount;
    const counted = count !== undefined && least !== undefined && count > least;
    const openedMs = was.memory?.openedMs ?? (open ? report.timeMs : undefined);
    const memory = seen(was.memory, openedMs, count === undefined ? least : Math.min(count, least ?? count));
    if (open) return stepLatch(was, context, false, undefined, memory);
    const proof = counted || (open === false && openedMs !== undefined);
    const evidence = () => ({ seal: report.seal, openedMs, sealedUseCount: memory.useCount });
    return stepLatch(was, context, proof ? true : undefined, evidence, memory);
  },
});

function seen(was: Seen | undefined, openedMs: number | undefined, useCount: number | undefined): Seen {
  if (was && was.openedMs === openedMs && was.useCount === useCount) return was;
  return { ...(openedMs === undefined ? {} : { openedMs }), ...(useCount === undefined ? {} : { useCount }) };
}
