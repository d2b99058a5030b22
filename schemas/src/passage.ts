import { z } from 'zod';
import { Time } from './time.ts';

/** What a gate read and asks (contract §4). Texts are kept as read: the gate's verdict weighs a doubtful reading. */
export const PassageQuestion = z.object({
  passageId: z.string().min(1).max(100),
  lane: z.string().max(40).optional(),
  direction: z.enum(['in', 'out']).default('in'),
  at: Time,
  plate: z.object({ text: z.string().min(1).max(20), confident: z.boolean().default(true) }).optional(),
  containers: z
    .array(z.object({ no: z.string().min(1).max(20), confident: z.boolean().default(true) }))
    .max(2)
    .default([]),
  lockIds: z.array(z.string().min(1).max(20)).max(2).default([]),
  grossWeightKg: z.number().positive().max(1_000_000).optional(),
});
export type PassageQuestion = z.infer<typeof PassageQuestion>;

export const PassageReason = z.object({ rule: z.string(), text: z.string(), laneCode: z.string().optional() });
export type PassageReason = z.infer<typeof PassageReason>;

export const PassageVerdict = z.enum(['release', 'manual', 'alarm']);
export type PassageVerdict = z.infer<typeof PassageVerdict>;

export const PassageAnswer = z.object({
  passageId: z.string(),
  verdict: PassageVerdict,
  code: z.enum(['Y', 'M', 'N']),
  lane: z.enum(['fast', 'manual', 'inspection']),
  tripId: z.string().optional(),
  reasons: z.array(PassageReason),
  /** What is to be known of the trip and is no reason against it. */
  notes: z.array(PassageReason).optional(),
  writtenOff: z.boolean(),
  /** On exit at the origin office: the trip was sealed, if it was not yet, and has departed. */
  departed: z.boolean().optional(),
  unlock: z.object({ commandId: z.string() }).optional(),
  display: z.string(),
  decidedInMs: z.number(),
});
export type PassageAnswer = z.infer<typeof PassageAnswer>;

export const PassageDecision = z.object({
  decision: z.enum(['release', 'inspect', 'return']),
  comment: z.string().max(2_000).default(''),
});
