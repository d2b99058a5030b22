import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Bridged, Hints, Live } from '../ports.ts';
import type { SecretBox } from '../secret-box.ts';

/** What every part of the platform is composed over. */
export interface Base {
  config: Config;
  log: Logger;
  /** Reports in plain words what is being done, for a person who waits. */
  onProgress: (line: string) => void;
  registry: Registry;
  pool: Pool;
  gatePool: Pool;
  /** With the password in it: never log it. */
  databaseUrl: string;
  /** For secrets that wait to be used; its key is not in the database. */
  secretBox: SecretBox;
  /** The same for the secrets of second factors, under a key of its own. */
  factorBox: SecretBox;
  bridged: Bridged;
  hints: Hints;
  live: Live;
  /** Lets the next platform take over; for a stop that has come so far that reports and calls are no longer answered. */
  handOver(): Promise<void>;
  /** How to release what has started; run in reverse. */
  undo: (() => Promise<unknown>)[];
}
