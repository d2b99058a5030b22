import { z } from 'zod';
import { Alarm } from '../alarm.ts';
import { WALL_STATUS } from '../feed.ts';
import { PassageAnswer } from '../passage.ts';
import { Time } from '../time.ts';
import { Trip } from '../trip.ts';
import { CommandView } from './locks.ts';

/** A lock as the wall shows it at a time. */
export const SnapshotLock = z.looseObject({
  lockId: z.string(),
  tripId: z.string().optional(),
  plate: z.string().optional(),
  status: z.enum(WALL_STATUS),
  /** Of its newest record; absent: none within a day before. */
  time: Time.optional(),
  position: z
    .looseObject({
      lon: z.number(),
      lat: z.number(),
      speedKmh: z.number().optional(),
      headingDeg: z.number().optional(),
    })
    .optional(),
});
export type SnapshotLock = z.infer<typeof SnapshotLock>;

/** The whole wall at a time. */
export const Snapshot = z.object({ at: Time, trips: z.array(Trip), locks: z.array(SnapshotLock) });
export type Snapshot = z.infer<typeof Snapshot>;

/** Figures of one destination office on one day. Shares are left to the reader, who may add days up. */
export const DayFigures = z.object({
  /** e.g. `2026-11-21`, in the time zone that was asked for */
  day: z.string(),
  office: z.string(),
  declared: z.int(),
  arrived: z.int(),
  /** Of the trips that arrived this day: those with a time limit, and those of them that kept it. */
  limited: z.int(),
  onTime: z.int(),
  /** Confirmed route deviations that began this day. */
  deviations: z.int(),
  /** Alarms that began this day and were disposed of as false. */
  falseAlarms: z.int(),
  passages: z.int(),
  released: z.int(),
  /** Sum of the time from the gate's reading to the platform's answer, s; divide by `passages`. */
  gateSeconds: z.number(),
});
export type DayFigures = z.infer<typeof DayFigures>;

export const AuditEntry = z.object({
  auditId: z.int(),
  at: Time,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  /** Absent until the entry is linked into the chain, a moment after it was written. */
  hash: z.string().optional(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

const AuditFault = z.object({ auditId: z.int(), reason: z.string() });
/** Whether the chain of the audit holds, and where it is broken first. */
export const AuditCheck = z.object({
  holds: z.boolean(),
  auditId: z.int().optional(),
  reason: z.string().optional(),
  /** Every break, and times that step back. */
  breaks: z.array(AuditFault).optional(),
  warnings: z.array(AuditFault).optional(),
  /** Linked entries, and those that wait to be: nothing can be said of these yet. */
  linked: z.int(),
  unlinked: z.array(z.int()),
});
export type AuditCheck = z.infer<typeof AuditCheck>;

/** One thing that happened to a trip: an act of somebody, an alarm, a step of a command, a passage of a gate. */
export const TripEvent = z.object({
  at: z.string(),
  type: z.string(),
  actor: z.string().optional(),
  /** What an act changed. */
  after: z.unknown().optional(),
  alarm: Alarm.optional(),
  command: CommandView.optional(),
  gateId: z.string().optional(),
  answer: PassageAnswer.optional(),
});
export type TripEvent = z.infer<typeof TripEvent>;

export const QuarantineEntry = z.object({
  quarantineId: z.int(),
  at: Time,
  lockId: z.string(),
  topic: z.string(),
  reason: z.string(),
  detail: z.string(),
  /** The payload as received, at most 4,096 bytes of it: as text if it is text, otherwise in base64. */
  raw: z.string(),
  encoding: z.enum(['utf8', 'base64']),
});
export type QuarantineEntry = z.infer<typeof QuarantineEntry>;
