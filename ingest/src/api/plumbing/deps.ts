import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Escalation } from '../../alarms/escalation.ts';
import type { ServedBasemap } from '../../basemap/served.ts';
import type { Feed } from '../../feed/feed.ts';
import type { Simulations } from '../../simulations.ts';
import type { Webhooks } from '../../webhooks/webhooks.ts';

/** What the api asks of the intake after its own COMMIT. */
export interface IntakeDoor {
  /** The plans of these trips have changed: read them again, judge again. */
  refreshTrips(tripIds: string[]): Promise<void>;
  refreshPlaces(): Promise<void>;
  refreshLock(lockId: string): Promise<void>;
  /** Takes a report as if its lock had sent it; `done` is called after the COMMIT. */
  receive(lockId: string, payload: Buffer, done: (error?: Error) => void): void;
  /** Why reports are not accepted now; empty: they are. */
  ready(): string[];
}

/** Wakes the sender of commands: something is in a lock's queue. */
export interface CommandDoor {
  wake(lockId: string): void;
  /** Calls back when a lock's reply has ended a command, after that COMMIT. */
  onEnded(listener: (ended: { commandId: string; result: string }) => void): void;
}

export interface ApiConfig {
  bootstrapKey?: string | undefined;
  /** Folder of the built wall; absent or empty: a page says how to build it. */
  wallDir?: string | undefined;
  /** The operator's own basemap; absent: the bundled one alone. */
  basemap?: ServedBasemap;
  /** Calls a minute and caller. */
  callsPerMinute?: number;
  /** Attempts to sign in a minute and address. */
  signInsPerMinute?: number;
  /** How long a step waits for its lock to confirm before it answers, ms. */
  confirmWithinMs?: number;
  /** How long a gate on the way out waits for a lock to confirm its interval, ms. */
  gateWaitMs?: number;
  /** Set where a proxy that is trusted stands before the platform. */
  trustProxy?: boolean | string;
}

export interface ApiDeps {
  pool: Pool;
  /** For what a gate waits for. */
  gatePool: Pool;
  intake: IntakeDoor;
  feed: Pick<Feed, 'tripChanged' | 'alarmChanged' | 'passage' | 'locksChanged'>;
  commands: CommandDoor;
  config: ApiConfig;
  log: Logger;
  /** Where the platform's figures are collected; a new one where absent. */
  registry?: Registry;
  /** Who tells the subscribers; absent: nobody can subscribe. */
  webhooks?: Webhooks;
  /** Simulated fleets on demand; absent: switched off. */
  simulations?: Simulations | undefined;
  /** Who calls people for alarms that nobody takes; absent: nobody does. */
  escalation?: Pick<Escalation, 'watchTrip'>;
  /** Words of an alarm's rule, for the gate's reasons. */
  ruleText?: (rule: string) => { zh: string; en: string } | undefined;
}
