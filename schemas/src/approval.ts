import { z } from 'zod';
import { Role } from './roles.ts';
import { Time } from './time.ts';

/** What two signed-in people answer for. */
export const ApprovalAct = z.enum([
  'trip.cancel',
  'trip.verify',
  'trip.write-off',
  'trip.unlock',
  'lock.unlock',
  'gate.decide',
  'alarm.dispose',
  'second-factor.reset',
]);
export type ApprovalAct = z.infer<typeof ApprovalAct>;

/** `void`: its trip has changed since it was asked, or the act was refused when it was confirmed. */
export const ApprovalState = z.enum(['pending', 'confirmed', 'refused', 'expired', 'void']);
export type ApprovalState = z.infer<typeof ApprovalState>;

/** An act that one person has asked for and another one confirms or refuses, in a session of their own. */
export const Approval = z.object({
  approvalId: z.uuid(),
  act: ApprovalAct,
  tripId: z.string().optional(),
  lockId: z.string().optional(),
  alarmId: z.string().optional(),
  gateId: z.string().optional(),
  passageId: z.string().optional(),
  /** A person's name. */
  person: z.string().optional(),
  /** What was asked, as the act takes it, e.g. the reason. */
  asked: z.record(z.string(), z.unknown()),
  /** Who may confirm. */
  roles: z.array(Role),
  askedBy: z.string(),
  askedAt: Time,
  expiresAt: Time,
  state: ApprovalState,
  decidedBy: z.string().optional(),
  decidedAt: Time.optional(),
  /** Why it was refused or is void. */
  reason: z.string().optional(),
});
export type Approval = z.infer<typeof Approval>;
