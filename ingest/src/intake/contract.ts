import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Committed } from '../ports.ts';
import type { BatchSize } from './lanes.ts';

export interface IntakeDeps {
  pool: Pool;
  registry: Registry;
  log: Logger;
  nowMs?: () => number;
  onProgress?: (text: string) => void;
  batch?: Partial<BatchSize>;
  /** Most bytes of quarantine; the oldest leave. */
  quarantineBytes?: number;
  /** How often silence and unconfirmed reds are looked at, ms; 0: only by `checkLiveness`. */
  livenessEveryMs?: number;
}

export interface IntakeStats {
  reportsPerSecond: number;
  /** Longest fix-time-to-commit lag of live records in the last seconds, ms. */
  lagMs: number;
  waitingPublishes: number;
  waitingRecords: number;
  trips: number;
}

export interface Intake {
  /** Takes one publish of `locks/{lockId}/report`; `done` is called after the COMMIT that holds it. */
  receive(lockId: string, payload: Buffer, done: (error?: Error) => void): void;
  /** Listeners are called after COMMIT and before PUBACK. */
  onCommitted(listener: (committed: Committed) => void): void;
  /** Reads the plans of trips again and folds their records anew; after the COMMIT of whoever changed them. */
  refreshTrips(tripIds: string[]): Promise<void>;
  refreshPlaces(): Promise<void>;
  refreshLock(lockId: string): Promise<void>;
  checkLiveness(): Promise<void>;
  stats(): IntakeStats;
  /** Why reports are not accepted now; empty when they are. */
  ready(): string[];
  /** Commits what is in hand, for at most `withinMs`; what is left is not acknowledged. */
  stop(withinMs?: number): Promise<void>;
}
