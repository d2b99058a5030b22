import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { StoreLog } from './database.ts';

export interface Notices {
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Listens to a channel of the database (NOTIFY) on a connection of its own, which is opened again whenever it is lost. Behind
 * a pooler that hands connections round nothing is heard: a notice costs time when it is lost, never correctness.
 * @param take `opened`: from now on notices are heard; those before it were not
 */
export function listenTo(
  url: string,
  channel: string,
  log: StoreLog,
  take: { heard(payload: string): void; opened(): void },
): Notices {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let waitMs = FIRST_WAIT_MS;
  let stopped = false;
  const again = (lost: pg.Client, error?: unknown) => {
    if (client !== lost) return;
    client = undefined;
    lost.end().catch(() => undefined);
    if (stopped) return;
    if (error !== undefined) log.warn({ err: error, channel }, 'notices of the database are not heard');
    timer = setTimeout(open, waitMs).unref();
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  };
  const open = () => {
    const opening = new pg.Client({
      connectionString: url,
      application_name: `sealwatch notices ${process.pid}`,
      keepAlive: true,
    });
    client = opening;
    opening.on('error', (error) => again(opening, error));
    opening.on('end', () => again(opening));
    opening.on('notification', ({ payload }) => take.heard(payload ?? ''));
    opening
      .connect()
      .then(() => opening.query(`LISTEN ${pg.escapeIdentifier(channel)}`))
      .then(
        () => {
          waitMs = FIRST_WAIT_MS;
          if (!stopped) take.opened();
        },
        (error) => again(opening, error),
      );
  };
  open();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.race([client?.end().catch(() => undefined), sleep(FIRST_WAIT_MS, undefined, { ref: false })]);
    },
  };
}
