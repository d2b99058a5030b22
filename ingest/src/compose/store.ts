import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { type Database, openDatabase } from '../postgres/database.ts';
import { migrate } from '../postgres/migrate.ts';
import { startReportKeeper } from '../postgres/partitions.ts';
import { showPools } from '../postgres/pool-gauge.ts';
import { startPulse } from '../postgres/pulse.ts';
import { closeDays } from '../store/reports/closing.ts';
import type { Base } from './part.ts';

export interface StoreDeps extends Pick<Base, 'onProgress' | 'undo'> {
  log: Logger;
  registry: Registry;
}

/** Opens the database, and changes nothing in it. @throws DatabaseStartError with what to do */
export async function openStore(config: Config, { log, onProgress, registry, undo }: StoreDeps): Promise<Database> {
  const database = await openDatabase({ ...config, log, onProgress });
  undo.push(() => database.stop());
  showPools({ main: database.pool, gate: database.gatePool }, registry);
  onProgress(`database: ${database.description}`);
  return database;
}

export interface Store {
  /** Why the database cannot be used now; empty: it can. */
  reasons(): string[];
}

/** Brings the schema up to date, and asks whether the database is there; for an active platform. @throws DatabaseStartError */
export async function startStore({ pool, url }: Database, deps: StoreDeps): Promise<Store> {
  const { log, onProgress, undo } = deps;
  const migrations = await migrate(pool, log);
  if (migrations.length > 0) onProgress(`schema: ${migrations.length} migrations applied`);
  const pulse = startPulse(url, log);
  undo.push(() => pulse.stop());
  return { reasons: () => pulse.reasons() };
}

/**
 * Keeps the days of reports.
 * @param isTurn of several workers one does it at a time; absent: this one is alone
 */
export async function keepReports(
  { pool }: Database,
  { retentionDays }: Config,
  { log, undo }: StoreDeps,
  isTurn?: () => boolean,
): Promise<void> {
  const keeper = await startReportKeeper(pool, {
    log,
    now: Date.now,
    closeDays,
    ...(retentionDays === undefined ? {} : { retentionDays }),
    ...(isTurn === undefined ? {} : { isTurn }),
  });
  undo.push(() => keeper.stop());
}
