import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Committed, ReportDoor, Slots } from '../ports.ts';

export interface IntakeDeps {
  pool: Pool;
  registry: Registry;
  log: Logger;
  slots: Slots;
  nowMs?: () => number;
  onProgress?: (text: string) => void;
  /** Most bytes of unreadable payloads in quarantine; beyond them such a publish is not acknowledged. */
  quarantineBytes?: number;
  /** How often trips whose plan has changed are looked for, ms; 0: only by `judgeWaiting`. */
  toJudgeEveryMs?: number;
  /** How often silence and unconfirmed reds are checked, ms; 0: only by `checkLiveness`. */
  livenessEveryMs?: number;
}

/** Trips that were judged by their new plans, and those of their locks that an unlock waits for. */
export interface Judged {
  tripIds: string[];
  lockIds: string[];
}

export interface Intake extends ReportDoor {
  warnings(): string[];
  /** Listeners are called after COMMIT and before PUBACK. */
  onCommitted(listener: (committed: Committed) => void): void;
  /** Judges the trips that wait in the store because their plans have changed. Resolves once none is left that can be. */
  judgeWaiting(): Promise<void>;
  /** The listener is called after the COMMIT that holds how trips were judged anew. */
  onJudged(listener: (judged: Judged) => void): void;
  /** Loads known places again; records that arrive from now on are judged by them. */
  refreshPlaces(): Promise<void>;
  /** Loads a lock again when it next reports. */
  refreshLock(lockId: string): Promise<void>;
  /** The same for all of them. */
  refreshLocks(): Promise<void>;
  /** Checks every trip against the clock now. */
  checkLiveness(): Promise<void>;
  /** Commits what is waiting, for at most `withinMs`; what is left is not acknowledged. */
  stop(withinMs?: number): Promise<void>;
}
