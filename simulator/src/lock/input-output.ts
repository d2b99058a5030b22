import type { Command, LockEvent, Position, Reply, Report, SealState } from '@sealwatch/schemas';
import type { LockState } from './state.ts';

/** What the lock's receivers read at one time. */
export interface Sensed {
  position?: Position;
  rssiDbm?: number;
}

export type LockInput =
  | { type: 'tick'; sensed: Sensed }
  | { type: 'connected' }
  | { type: 'disconnected' }
  | { type: 'acknowledged'; flight: number }
  | { type: 'command'; command: Command }
  | { type: 'wake' }
  | { type: 'rope'; to: SealState['rope'] }
  | { type: 'cover'; to: SealState['cover'] }
  | { type: 'motor'; to: SealState['motor'] }
  | { type: 'event'; event: LockEvent }
  | { type: 'charging'; on: boolean };

export type LockOutput =
  | { type: 'publish'; flight: number; reports: Report[] }
  | { type: 'reply'; reply: Reply }
  /** the connection closes with the restart and has to be opened again */
  | { type: 'restart' };

export interface Stepped {
  state: LockState;
  outputs: LockOutput[];
}
