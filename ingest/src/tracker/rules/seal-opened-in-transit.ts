import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { openingEvidence, showsOpen } from './seal-reading.ts';

/** Between sealing and the authorisation to unlock nobody may open it, whatever card or key it was done with. */
export const sealOpenedInTransit = defineRule({
  rule: 'seal.opened-in-transit',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'not-opened',
  eaeuCode: '07',
  text: { zh: '在途开锁', en: 'Lock opened in transit' },
  params: z.object({}),
  judge: (was, context) =>
    stepLatch(was, context, context.sealed ? showsOpen(context.report) : undefined, openingEvidence),
});
