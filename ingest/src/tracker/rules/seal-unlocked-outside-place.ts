import { z } from 'zod';
import type { EvaluationContext } from '../evaluation-context.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { openingEvidence, showsOpen } from './seal-reading.ts';

/**
 * The law names the place where a seal is taken off: even an authorised opening anywhere else is red. Without a GNSS fix
 * in the same record the place is unknown and the rule does not apply.
 */
export const sealUnlockedOutsidePlace = defineRule({
  rule: 'seal.unlocked-outside-place',
  kind: 'latched',
  severity: 'critical',
  breaksCheck: 'not-opened',
  eaeuCode: '07',
  text: { zh: '指定场所外开锁', en: 'Unlocked outside its place' },
  params: z.object({}),
  judge: (was, context) => {
    const open = isJudged(context) ? showsOpen(context.report) : undefined;
    const shows = open === false || isDesignated(context) ? false : open;
    return stepLatch(was, context, context.fix ? shows : undefined, openingEvidence);
  },
});

/** From the sealing on, authorised or not. */
function isJudged(context: EvaluationContext): boolean {
  return context.plan.sealedAtMs !== undefined && context.report.timeMs >= context.plan.sealedAtMs;
}

function isDesignated(context: EvaluationContext): boolean {
  return context.atDestination || context.places.some((place) => place.kind === 'gate' || place.kind === 'office');
}
