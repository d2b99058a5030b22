import { z } from 'zod';
import type { Moment } from '../moment.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';
import { openingEvidence, showsOpen } from './seal-reading.ts';

/**
 * The law names the place where a seal is taken off: even an authorised opening anywhere else is red. Without a GNSS fix
 * in the same record the place is unknown and nothing is said.
 */
export const sealUnlockedOutsidePlace = defineRule({
  rule: 'seal.unlocked-outside-place',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '07',
  text: { zh: '指定场所外开锁', en: 'Unlocked outside the designated place' },
  params: z.object({}),
  judge: (was, moment) => {
    const open = isJudged(moment) ? showsOpen(moment.report) : undefined;
    const shows = open === false || isDesignated(moment) ? false : open;
    return stepLatch(was, moment, moment.fix ? shows : undefined, openingEvidence);
  },
});

/** From the sealing on, authorised or not. */
function isJudged(moment: Moment): boolean {
  return moment.plan.sealedAtMs !== undefined && moment.report.timeMs >= moment.plan.sealedAtMs;
}

function isDesignated(moment: Moment): boolean {
  return moment.atDestination || moment.places.some((place) => place.kind === 'gate' || place.kind === 'office');
}
