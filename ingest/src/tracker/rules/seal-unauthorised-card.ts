import { z } from 'zod';
import type { RecordedEvent, TrackedReport } from '../../record/report.ts';
import { defineRule } from '../rule.ts';
import { type Burst, stepBurst } from './burst.ts';

const params = z.object({
  windowMin: z.number().positive().max(1_440).default(10),
  majorFrom: z.int().min(1).max(10).default(3),
});

/** One wrong card is a mistake at the counter; three within ten minutes are an attempt. */
export const sealUnauthorisedCard = defineRule<typeof params, Burst>({
  rule: 'seal.unauthorised-card',
  kind: 'edge',
  severity: 'minor',
  eaeuCode: '07',
  text: { zh: '非法刷卡', en: 'Unauthorised card' },
  params,
  judge: (was, context, { windowMin, majorFrom }) => {
    const cards = cardsIn(context.report);
    return stepBurst(was, context, cards.length, windowMin * 60_000, (recent, count) => ({
      ...(recent >= majorFrom || was.open?.severity === 'major' ? { severity: 'major' } : {}),
      evidence: { count, ...(cards.at(-1)?.card === undefined ? {} : { card: cards.at(-1)?.card }) },
    }));
  },
});

const NONE: readonly RecordedEvent[] = [];

function cardsIn({ events }: TrackedReport): readonly RecordedEvent[] {
  return events === undefined ? NONE : events.filter((event) => event.type === 'illegal-card');
}
