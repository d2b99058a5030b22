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
  /** a new secret, to be stored at once */
  | { type: 'secret'; secret: string }
  | { type: 'reply'; reply: Reply }
  /** the lock signs in anew, once its replies have been acknowledged */
  | { type: 'sign-in' }
  /** the connection closes with the restart and has to be opened again */
  | { type: 'restart' };

export interface Stepped {
  state: LockState;
  outputs: LockOutput[];
}
