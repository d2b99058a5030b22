import type { Alarm, Trip } from '@sealwatch/schemas';

/** Red: an active, latched, critical alarm, provisional or raised. */
export const isRed = (alarm: Alarm): boolean =>
  alarm.active && alarm.kind === 'latched' && alarm.severity === 'critical';

/** Nobody has acknowledged it or been assigned to it. */
export const isUnattended = (alarm: Alarm): boolean =>
  alarm.active && alarm.acknowledgedBy === undefined && alarm.assignedTo === undefined;

const WEIGHT = { critical: 1, major: 2, minor: 3, info: 4 } as const;

/** 0 red, then what is active by severity, then what has ended. */
function rank(alarm: Alarm): number {
  if (isRed(alarm)) return 0;
  return alarm.active ? WEIGHT[alarm.severity] : 5;
}

/** Newest red first, then the other active alarms by severity, newest first; ended alarms last. */
export function byUrgency(a: Alarm, b: Alarm): number {
  return rank(a) - rank(b) || Date.parse(b.raisedAt) - Date.parse(a.raisedAt) || (a.alarmId < b.alarmId ? -1 : 1);
}

/** The person who handles it: the one it is assigned to, otherwise the one who acknowledged it. */
export const holder = (alarm: Alarm): string | undefined => alarm.assignedTo ?? alarm.acknowledgedBy;

/** How often people have been called for it: 0 provisional, 1 raised, 2 reminded, 3 escalated. */
export function loudness(alarm: Alarm): number {
  if (alarm.state === 'provisional') return 0;
  if (alarm.escalatedAt !== undefined) return 3;
  return alarm.remindedAt === undefined ? 1 : 2;
}

/** A quiet time is set for its trip: its alarms are shown without sound. */
export const isQuiet = (trip: Trip | undefined, nowMs: number): boolean =>
  trip?.frozen !== undefined && Date.parse(trip.frozen.until) > nowMs;
