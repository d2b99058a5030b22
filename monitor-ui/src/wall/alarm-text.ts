import type { Alarm } from '@sealwatch/schemas';
import { isRed } from '../feed/alarm-order.ts';

/** Key of the text for an alarm's state; a disposition is shown even if the alarm has ended. */
export function stateKey(alarm: Alarm): string {
  if (alarm.state === 'disposed' || alarm.state === 'closed') return `alarmState.${alarm.state}`;
  if (!alarm.active) return 'alarmState.ended';
  return `alarmState.${alarm.state}`;
}

export type AlarmTone = 'red' | 'provisional' | 'amber' | 'idle';

export function tone(alarm: Alarm): AlarmTone {
  if (isRed(alarm)) return alarm.state === 'provisional' ? 'provisional' : 'red';
  return alarm.active && alarm.severity !== 'info' ? 'amber' : 'idle';
}

/** How long it lasted, or has lasted so far, ms. */
export function lastedMs(alarm: Alarm, nowMs: number): number {
  const from = Date.parse(alarm.startedAt);
  return (alarm.endedAt === undefined ? nowMs : Date.parse(alarm.endedAt)) - from;
}
