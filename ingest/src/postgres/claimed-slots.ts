import type { Pool } from 'pg';
import type { Slots } from '../ports.ts';
import type { StoreLog } from './database.ts';
import type { MemberRow } from './members.ts';
import type { Membership } from './membership.ts';
import { inTransaction, type Queryable } from './queryable.ts';

/** As many as migration 0025 makes. */
const SLOTS = 256;
/** So that a worker that gives up many keeps judging the others meanwhile. */
const RELEASED_AT_ONCE = 32;
const LOOK_EVERY_MS = 300;

export interface ClaimedSlotsDeps {
  /** Its transactions hold the membership. */
  pool: Pool;
  membership: Pick<Membership, 'memberId' | 'isActive' | 'others'>;
  log: StoreLog;
  /** Whether this member can do what owners do; else it owns nothing. Absent: always. */
  isFit?: () => boolean;
  /** Who owns what has just changed in the store. */
  onMoved?: () => void;
}

/** Whether it shares the slots: a worker that is not fit has none. */
export const isWorker = ({ active, roles, reasons }: Pick<MemberRow, 'active' | 'roles' | 'reasons'>): boolean =>
  active && roles.includes('worker') && reasons.length === 0;

/**
 * The slots of one member. Active workers share them without a coordinator: who has more than its part gives up some, who has
 * less claims what nobody has; those of a member that was ended are nobody's. A platform that is active alone has all.
 */
export class ClaimedSlots implements Slots {
  readonly memberId: number;
  readonly #deps: ClaimedSlotsDeps;
  #own = new Set<number>();
  /** Nothing of them is in hand any more, and the database may not know it yet. */
  readonly #leaving = new Set<number>();
  #follow: (slots: readonly number[]) => Promise<void> = async () => undefined;
  #drain: (slots: readonly number[]) => Promise<void> = async () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;
  #failed = false;

  private constructor(deps: ClaimedSlotsDeps) {
    this.#deps = deps;
    this.memberId = deps.membership.memberId;
  }

  /** Resolves once this member owns its part, as far as nobody else has it still. */
  static async claim(deps: ClaimedSlotsDeps): Promise<ClaimedSlots> {
    const slots = new ClaimedSlots(deps);
    await slots.#look();
    slots.#schedule();
    return slots;
  }

  has(slot: number): boolean {
    return this.#own.has(slot);
  }

  /** How many are owned. */
  get count(): number {
    return this.#own.size;
  }

  onClaimed(follow: (slots: readonly number[]) => Promise<void>): Promise<void> {
    // After a look that is under way: what it claims is told once.
    return this.#next(async () => {
      this.#follow = follow;
      await follow([...this.#own]);
    });
  }

  onReleasing(drain: (slots: readonly number[]) => Promise<void>): void {
    this.#drain = drain;
  }

  async releaseAll(): Promise<void> {
    await this.stop();
    await this.#release([...this.#own]);
  }

  /** Claims and releases nothing any more; what is owned is until the membership ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  /** One after the other. */
  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      const looked = this.#next(() => this.#look()).then(
        () => {
          this.#failed = false;
        },
        (error) => {
          if (!this.#failed) this.#deps.log.warn({ err: error }, 'slots could not be claimed or released; again soon');
          this.#failed = true;
        },
      );
      void looked.finally(() => this.#schedule());
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { membership, isFit } = this.#deps;
    if (this.#stopped || !membership.isActive) return;
    if (this.#leaving.size > 0) await this.#release([]);
    if (isFit?.() === false) return this.#release([...this.#own]);
    const sharing = 1 + membership.others().filter(isWorker).length;
    const part = Math.ceil(SLOTS / sharing);
    if (this.#own.size < part) await this.#claim(part - this.#own.size);
    else if (this.#own.size > part) await this.#release([...this.#own].slice(part).slice(0, RELEASED_AT_ONCE));
  }

  async #claim(most: number): Promise<void> {
    const { pool, log, onMoved } = this.#deps;
    const owned = await inTransaction(pool, (db) => claimSlots(db, this.memberId, most));
    // An earlier claim whose COMMIT was not answered is among them.
    const claimed = owned.filter((slot) => !this.#own.has(slot));
    if (claimed.length === 0) return;
    for (const slot of claimed) this.#own.add(slot);
    log.info({ claimed: claimed.length, owned: this.#own.size }, 'slots claimed');
    await this.#follow(claimed);
    onMoved?.();
  }

  async #release(slots: readonly number[]): Promise<void> {
    const { pool, log, onMoved } = this.#deps;
    if (slots.length === 0 && this.#leaving.size === 0) return;
    for (const slot of slots) {
      this.#own.delete(slot);
      this.#leaving.add(slot);
    }
    await this.#drain(slots);
    await inTransaction(pool, (db) => releaseSlots(db, this.memberId, [...this.#leaving]));
    this.#leaving.clear();
    log.info({ released: slots.length, owned: this.#own.size }, 'slots released');
    onMoved?.();
  }
}

/** @returns all that the member owns then, in order */
async function claimSlots(db: Queryable, memberId: number, most: number): Promise<number[]> {
  await db.query(
    `UPDATE slots SET member_id = $1 WHERE slot IN
       (SELECT slot FROM slots WHERE member_id IS NULL ORDER BY slot LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    [memberId, most],
  );
  const { rows } = await db.query<{ slot: number }>('SELECT slot FROM slots WHERE member_id = $1 ORDER BY slot', [
    memberId,
  ]);
  return rows.map(({ slot }) => slot);
}

const releaseSlots = (db: Queryable, memberId: number, slots: readonly number[]) =>
  db.query('UPDATE slots SET member_id = NULL WHERE member_id = $1 AND slot = ANY($2::smallint[])', [memberId, slots]);
