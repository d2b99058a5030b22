import type { PassageRow } from '../store/passages/passages.ts';

export interface Gate {
  gateId: string;
  name: string;
  office: string | undefined;
}

export interface Passed {
  row: PassageRow;
  gate: Gate;
  /** Decided now; false: it was decided before, and nothing has changed. */
  fresh: boolean;
  tripId?: string | undefined;
  /** The trip's plan is another one than before. */
  tripChanged: boolean;
  alarmIds: string[];
  /** Locks with a new command. */
  lockIds: string[];
}
