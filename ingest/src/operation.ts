import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { type Database, openDatabase } from './postgres/database.ts';
import { migrate } from './postgres/migrate.ts';

/** A command that cannot be carried out, with what the operator can do about it. */
export class OperationError extends Error {
  override name = 'OperationError';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export interface Access {
  /** true: allowed while a platform runs on the same database; false: fails if one does. */
  beside: boolean;
}

/** Opens the database of the settings, with its schema up to date, for one piece of work. */
export async function onDatabase<T>(
  config: Config,
  access: Access,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const log = createLog('warn');
  const database = await openDatabase({ ...config, ...access, log, pool: { max: 3 } });
  try {
    await migrate(database.pool, log);
    return await work(database);
  } finally {
    await database.stop();
  }
}

/** A line of the answer. */
export const print = (line: string) => process.stdout.write(`${line}\n`);
