import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Gauge } from 'prom-client';
import { QUARANTINE_ROW_BYTES, quarantineBytes, trimQuarantine } from '../store/reports/quarantine.ts';
import type { IntakeDeps } from './contract.ts';

const DEFAULT_MOST_BYTES = 64 * 2 ** 20;

/** Keeps the quarantine below a size: deletes the oldest rows and counts them. */
export class QuarantineCap {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #mostBytes: number;
  readonly #evicted: (rows: number) => void;
  #bytes = 0;

  /** @param evicted called with how many rows were deleted */
  constructor(
    deps: Pick<IntakeDeps, 'pool' | 'log' | 'registry' | 'quarantineBytes'>,
    evicted: (rows: number) => void,
  ) {
    this.#pool = deps.pool;
    this.#log = deps.log;
    this.#mostBytes = deps.quarantineBytes ?? DEFAULT_MOST_BYTES;
    this.#evicted = evicted;
    const held = () => this.#bytes;
    new Gauge({
      name: 'sealwatch_quarantine_bytes',
      help: 'Bytes held in quarantine, roughly; the oldest rows leave at the cap',
      registers: [deps.registry],
      collect() {
        this.set(held());
      },
    });
  }

  async start(): Promise<void> {
    this.#bytes = await quarantineBytes(this.#pool);
  }

  /** @param added bytes of each row that was just committed. Never rejects: trimming is tried again with the next rows. */
  async keep(added: number[]): Promise<void> {
    for (const bytes of added) this.#bytes += bytes + QUARANTINE_ROW_BYTES;
    if (this.#bytes <= this.#mostBytes) return;
    try {
      // A tenth more than needed is deleted, so that a full quarantine is not trimmed after every batch.
      this.#evicted(await trimQuarantine(this.#pool, this.#mostBytes * 0.9));
      this.#bytes = await quarantineBytes(this.#pool);
    } catch (error) {
      this.#log.warn({ err: error }, 'the quarantine could not be trimmed');
    }
  }
}
