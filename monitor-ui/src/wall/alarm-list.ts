import type { Alarm } from '@sealwatch/schemas';
import { type ShallowRef, shallowRef } from 'vue';
import { byUrgency, isQuiet, isRed, isUnattended, loudness } from '../feed/alarm-order.ts';
import type { Board } from '../feed/board.ts';
import type { Siren } from '../sound.ts';

/** The alarms as the panels list them. */
export interface AlarmList {
  /** The most urgent first. */
  alarms: ShallowRef<Alarm[]>;
  /** Red alarms that nobody has acknowledged or been assigned, newest first. */
  unattended: ShallowRef<Alarm[]>;
  /** The red alarm that came last; set once for each alarm, for the camera and the card. */
  arrived: ShallowRef<Alarm | undefined>;
  /** Reads the alarms from the board again; sounds the siren for what is new or louder. */
  refresh(): void;
}

export function createAlarmList(board: Board, siren: Siren): AlarmList {
  const alarms = shallowRef<Alarm[]>([]);
  const unattended = shallowRef<Alarm[]>([]);
  const arrived = shallowRef<Alarm>();
  /** Loudness of the red alarms already shown, by id, so that no snapshot or update repeats the sound or the camera. */
  const shown = new Map<string, number>();

  const sound = (alarm: Alarm) => {
    const quiet = alarm.tripId !== undefined && isQuiet(board.trips.get(alarm.tripId), Date.now());
    const level = loudness(alarm);
    if (level > (shown.get(alarm.alarmId) ?? 0) && isUnattended(alarm) && !quiet) siren.red();
    shown.set(alarm.alarmId, level);
  };
  const refresh = () => {
    alarms.value = [...board.alarms.values()].sort(byUrgency);
    const reds = alarms.value.filter(isRed);
    unattended.value = reds.filter(isUnattended);
    // Also a red alarm that was raised before this screen was opened.
    const newest = unattended.value.find((alarm) => !shown.has(alarm.alarmId));
    if (newest) arrived.value = newest;
    for (const alarm of reds) sound(alarm);
    for (const id of shown.keys()) if (!board.alarms.has(id)) shown.delete(id);
  };
  return { alarms, unattended, arrived, refresh };
}
