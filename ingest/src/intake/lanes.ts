import type { Peek } from '../record/decode.ts';
import type { RecordRefusal } from '../record/record.ts';

/** One publish of a lock on its way through the intake: its bytes, and what a peek at them says. */
export interface Publish extends Peek {
  lockId: string;
  raw: Buffer;
  receivedMs: number;
  /** Gives the PUBACK; called once, after the COMMIT. */
  done: (error?: Error) => void;
  /** Present when the store cannot take the publish: it is not decoded but goes to the quarantine with this reason. */
  refused?: RecordRefusal;
}

export interface BatchSize {
  records: number;
  /** The share of a batch that back-filled records may take while live ones arrive (law 8), 0 to 1. */
  backfillShare: number;
}

export const BATCH_SIZE: BatchSize = { records: 2_000, backfillShare: 0.05 };

/** After so many batches in a row without a live publish, back-filled ones may fill a whole batch. */
const QUIET_BATCHES = 16;

/**
 * The publishes that wait for a batch: a live lane and a back-fill lane. Publishes of one lock keep their order (law 2):
 * while a lock has a back-filled publish waiting, its live ones join the back-fill lane; and a back-filled one is not
 * taken before the lock's earlier live ones.
 */
export class Lanes {
  #live: Publish[] = [];
  #backfill: Publish[] = [];
  #liveOf = new Map<string, number>();
  #backfillOf = new Map<string, number>();
  #records = 0;
  #withoutLive = QUIET_BATCHES;

  get publishes(): number {
    return this.#live.length + this.#backfill.length;
  }

  get records(): number {
    return this.#records;
  }

  get backfillPublishes(): number {
    return this.#backfill.length;
  }

  add(publish: Publish): void {
    this.#records += publish.count;
    const late = publish.backfilled || this.#backfillOf.has(publish.lockId);
    (late ? this.#backfill : this.#live).push(publish);
    count(late ? this.#backfillOf : this.#liveOf, publish.lockId, 1);
  }

  /** Takes the next batch: live first, then back-fill in the room that is left for it. */
  take(size: BatchSize): Publish[] {
    const taken: Publish[] = [];
    let room = size.records;
    while (taken.length < this.#live.length && room > 0) {
      const publish = this.#live[taken.length] as Publish;
      taken.push(publish);
      room -= publish.count;
      count(this.#liveOf, publish.lockId, -1);
    }
    this.#live = this.#live.slice(taken.length);
    this.#withoutLive = taken.length > 0 ? 0 : this.#withoutLive + 1;
    const share = Math.max(1, Math.floor(size.records * size.backfillShare));
    this.#takeBackfill(taken, this.#withoutLive < QUIET_BATCHES ? share : size.records);
    for (const publish of taken) this.#records -= publish.count;
    return taken;
  }

  #takeBackfill(taken: Publish[], most: number): void {
    const kept: Publish[] = [];
    let room = most;
    let at = 0;
    for (; at < this.#backfill.length && room > 0; at++) {
      const publish = this.#backfill[at] as Publish;
      if (this.#liveOf.has(publish.lockId)) {
        kept.push(publish);
        continue;
      }
      taken.push(publish);
      room -= publish.count;
      count(this.#backfillOf, publish.lockId, -1);
    }
    this.#backfill = at === 0 ? this.#backfill : [...kept, ...this.#backfill.slice(at)];
  }

  /** Empties the lanes; answers the publishes that were in no batch yet. */
  drop(): Publish[] {
    const dropped = [...this.#live, ...this.#backfill];
    this.#live = [];
    this.#backfill = [];
    this.#liveOf.clear();
    this.#backfillOf.clear();
    this.#records = 0;
    return dropped;
  }
}

function count(counts: Map<string, number>, lockId: string, by: number): void {
  const now = (counts.get(lockId) ?? 0) + by;
  if (now > 0) counts.set(lockId, now);
  else counts.delete(lockId);
}
