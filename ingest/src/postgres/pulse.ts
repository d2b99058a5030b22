import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type StoreLog } from './database.ts';

export interface Pulse {
  /** Why the database cannot be counted on now; empty: it answers. */
  reasons(): string[];
  stop(): Promise<void>;
}

export interface PulseTimes {
  /** Between an answer and the next question, ms. */
  everyMs: number;
  /** An answer that takes longer than this is reported, ms. */
  withinMs: number;
}

const TIMES: PulseTimes = { everyMs: 1_000, withinMs: 3_000 };

/**
 * Asks the database again and again whether it is there, on a connection of its own: a server that hangs fails no
 * query, and while no lock reports nobody else would notice that it is gone.
 */
export function startPulse(url: string, log: StoreLog, { everyMs, withinMs }: PulseTimes = TIMES): Pulse {
  const pool = createPool({ connectionString: url, query_timeout: withinMs }, log, { max: 1 });
  let reason: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const turn = (now: string | undefined) => {
    if (now !== undefined && reason === undefined) log.error({ reason: now }, 'the database does not answer');
    if (now === undefined && reason !== undefined) log.info({}, 'the database answers again');
    reason = now;
  };
  const ask = async () => {
    const late = setTimeout(() => turn(`no answer within ${withinMs / 1_000} s`), withinMs);
    await pool.query('SELECT 1').then(
      () => turn(undefined),
      (error) => stopped || turn(error instanceof Error ? error.message : String(error)),
    );
    clearTimeout(late);
    if (!stopped) timer = setTimeout(ask, everyMs).unref();
  };
  void ask();
  return {
    reasons: () => (reason === undefined ? [] : [`database: ${reason}`]),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      // A question that hangs ends by itself; the platform does not wait for it.
      await Promise.race([pool.end(), sleep(withinMs, undefined, { ref: false })]);
    },
  };
}
