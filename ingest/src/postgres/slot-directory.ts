import type { Pool } from 'pg';
import type { Directory } from '../ports.ts';
import type { StoreLog } from './database.ts';

const LOOK_EVERY_MS = 300;

export interface SlotDirectoryDeps {
  pool: Pool;
  log: StoreLog;
  /** How often the store is read, ms. Default 300. */
  everyMs?: number;
}

/** Reads who owns which slot every 300 ms, and when it is told that this has changed. While the store is away it is kept. */
export class SlotDirectory implements Directory {
  readonly #deps: SlotDirectoryDeps;
  readonly #listeners: ((slots: number[]) => void)[] = [];
  #owners: (number | null)[] = [];
  #looking: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failed = false;

  private constructor(deps: SlotDirectoryDeps) {
    this.#deps = deps;
  }

  /** Resolves once it was read. */
  static async start(deps: SlotDirectoryDeps): Promise<SlotDirectory> {
    const directory = new SlotDirectory(deps);
    await directory.look();
    directory.#schedule();
    return directory;
  }

  ownerOf(slot: number): number | undefined {
    return this.#owners[slot] ?? undefined;
  }

  unowned(): number[] {
    return this.#owners.flatMap((owner, slot) => (owner === null ? slot : []));
  }

  onChanged(listener: (slots: number[]) => void): void {
    this.#listeners.push(listener);
  }

  /** What was said while it is being read is read once more. */
  look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.look().finally(() => this.#schedule());
    }, this.#deps.everyMs ?? LOOK_EVERY_MS).unref();
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        this.#take(await ownersOfSlots(this.#deps.pool));
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) this.#deps.log.warn({ err: error }, 'who owns which slots could not be read; again soon');
        this.#failed = true;
      }
    }
  }

  #take(owners: (number | null)[]): void {
    const before = this.#owners;
    this.#owners = owners;
    const changed = owners.flatMap((owner, slot) => (owner === (before[slot] ?? null) ? [] : slot));
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
  }
}

async function ownersOfSlots(pool: Pool): Promise<(number | null)[]> {
  const { rows } = await pool.query<{ owners: (number | null)[] }>(
    'SELECT array_agg(member_id ORDER BY slot) AS owners FROM slots',
  );
  return rows[0]?.owners ?? [];
}
