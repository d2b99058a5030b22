import type { Alarm } from '@sealwatch/schemas';
import { type Ref, ref } from 'vue';
import type { Board } from '../feed/board.ts';
import * as rest from '../rest.ts';

/** What the operator does with alarms. */
export interface AlarmActs {
  /** Why the platform refused the operator's last act; undefined if it did not. */
  complaint: Ref<string | undefined>;
  acknowledge(alarm: Alarm): Promise<void>;
  /** Assigns the alarm to the operator. */
  assign(alarm: Alarm): Promise<void>;
}

export interface AlarmActsOptions {
  board: Board;
  /** Name of the operator; undefined before the session has been read. */
  operator: () => string | undefined;
  /** An alarm on the board has been replaced. */
  changed: () => void;
  signedOut: () => void;
  texts: { refused: string; unreachable: string };
}

export function createAlarmActs({ board, operator, changed, signedOut, texts }: AlarmActsOptions): AlarmActs {
  const complaint = ref<string>();
  const act = async (alarm: Alarm, call: () => Promise<Alarm>) => {
    try {
      const answer = await call();
      complaint.value = undefined;
      // The feed brings the change to every screen; using the answer only makes this one faster.
      if (answer?.alarmId === alarm.alarmId && board.alarms.has(alarm.alarmId)) {
        board.alarms.set(alarm.alarmId, answer);
        changed();
      }
    } catch (error) {
      if (error instanceof rest.Refused && error.status === 401) return signedOut();
      complaint.value = error instanceof rest.Refused ? `${texts.refused}: ${error.message}` : texts.unreachable;
    }
  };
  return {
    complaint,
    acknowledge: (alarm) => act(alarm, () => rest.acknowledge(alarm.alarmId)),
    assign: (alarm) => act(alarm, () => rest.assign(alarm.alarmId, operator() ?? '')),
  };
}
