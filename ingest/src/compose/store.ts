import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { openDatabase } from '../postgres/database.ts';
import { migrate } from '../postgres/migrate.ts';
import { startReportKeeper } from '../postgres/partitions.ts';
import { showPools } from '../postgres/pool-gauge.ts';
import { startPulse } from '../postgres/pulse.ts';
import type { Base } from './part.ts';

export interface Store extends Pick<Base, 'pool' | 'gatePool' | 'databaseUrl'> {
  /** e.g. `embedded PostgreSQL 18 in ./data` */
  description: string;
  /** Why the database cannot be used now; empty: it can. */
  reasons(): string[];
}

/** Opens the database and brings its schema up to date. @throws DatabaseStartError with what to do */
export async function openStore(
  config: Config,
  { log, onProgress, registry, undo }: { log: Logger; registry: Registry } & Pick<Base, 'onProgress' | 'undo'>,
): Promise<Store> {
  const database = await openDatabase({ ...config, log, onProgress });
  undo.push(() => database.stop());
  const { pool, gatePool, description } = database;
  showPools({ main: pool, gate: gatePool }, registry);
  onProgress(`database: ${description}`);
  const migrations = await migrate(pool, log);
  if (migrations.length > 0) onProgress(`schema: ${migrations.length} migrations applied`);
  const { retentionDays } = config;
  const keeper = await startReportKeeper(pool, {
    log,
    now: Date.now,
    ...(retentionDays === undefined ? {} : { retentionDays }),
  });
  undo.push(() => keeper.stop());
  const pulse = startPulse(database.url, log);
  undo.push(() => pulse.stop());
  return { pool, gatePool, databaseUrl: database.url, description, reasons: () => pulse.reasons() };
}
