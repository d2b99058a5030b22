import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { openingEvidence, showsOpen } from './seal-reading.ts';

/** In the right place, but before the seal was verified and the opening authorised: the order of the steps is broken. */
export const sealUnsealedBeforeVerification = defineRule({
  rule: 'seal.unsealed-before-verification',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'not-opened',
  eaeuCode: '07',
  text: { zh: '未验封先开锁', en: 'Unsealed before verification' },
  params: z.object({}),
  judge: (was, context) =>
    stepLatch(
      was,
      context,
      context.sealed && context.atDestination ? showsOpen(context.report) : undefined,
      openingEvidence,
    ),
});
