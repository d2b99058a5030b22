import { z } from 'zod';
import { Time } from './time.ts';

export const Severity = z.enum(['info', 'minor', 'major', 'critical']);
export type Severity = z.infer<typeof Severity>;

export const AlarmKind = z.enum(['edge', 'level', 'latched']);
export type AlarmKind = z.infer<typeof AlarmKind>;

/** `returned`: the condition has ended; a latched alarm stays active in it until a person disposes of it. */
export const AlarmState = z.enum(['provisional', 'open', 'acknowledged', 'assigned', 'returned', 'disposed', 'closed']);
export type AlarmState = z.infer<typeof AlarmState>;

export const Alarm = z.object({
  alarmId: z.uuid(),
  tripId: z.string().optional(),
  lockId: z.string(),
  rule: z.string(),
  kind: AlarmKind,
  severity: Severity,
  state: AlarmState,
  active: z.boolean(),
  lastInsideAt: Time.optional(),
  startedAt: Time,
  confirmedAt: Time.optional(),
  endedAt: Time.optional(),
  raisedAt: Time,
  maxDistanceM: z.number().optional(),
  detectedLate: z.boolean(),
  position: z.object({ lon: z.number(), lat: z.number() }).optional(),
  evidence: z.record(z.string(), z.unknown()),
  /** When people were called because nobody acknowledged the alarm, first and second time. */
  remindedAt: Time.optional(),
  escalatedAt: Time.optional(),
  acknowledgedBy: z.string().optional(),
  acknowledgedAt: Time.optional(),
  assignedTo: z.string().optional(),
  assignedAt: Time.optional(),
  disposedBy: z.string().optional(),
  disposedAt: Time.optional(),
  disposal: z.object({ text: z.string(), falseAlarm: z.boolean(), secondPerson: z.string().optional() }).optional(),
  closedBy: z.string().optional(),
  closedAt: Time.optional(),
});
export type Alarm = z.infer<typeof Alarm>;
