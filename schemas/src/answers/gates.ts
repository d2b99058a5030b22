import { z } from 'zod';
import { PassageAnswer, PassageQuestion } from '../passage.ts';
import { Place } from '../place.ts';
import { Time } from '../time.ts';

export const GateView = Place.extend({ gateId: z.string() });
export type GateView = z.infer<typeof GateView>;

export const PassageView = z.object({
  passageId: z.string(),
  gateId: z.string(),
  /** The day that the id belongs to (§4), `YYYY-MM-DD`; empty for a UUID. */
  day: z.string(),
  decidedAt: Time,
  question: PassageQuestion,
  answer: PassageAnswer,
  decision: z
    .object({
      decision: z.enum(['release', 'inspect', 'return']),
      by: z.string(),
      secondPerson: z.string().optional(),
      comment: z.string(),
      at: Time,
    })
    .optional(),
  /** Questions that came with this id and another body, and were refused. */
  reused: z.object({ times: z.int(), at: Time, question: PassageQuestion }).optional(),
});
export type PassageView = z.infer<typeof PassageView>;
