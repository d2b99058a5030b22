import QuickLRU from 'quick-lru';
import type { LeftOut, PartialRecord } from '../record/left-out.ts';

/** A value that was left out of a record, to be written down. */
export interface LeftOutNote {
  lockId: string;
  leftOut: LeftOut;
  /** The record's bytes as they came. */
  raw: Buffer;
  receivedMs: number;
}

const AGAIN_AFTER_MS = 3_600_000;
/** Different values of one lock that are written down in an hour. */
const MOST_OF_A_LOCK = 20;
const LOCKS_KEPT = 20_000;

interface Heard {
  sinceMs: number;
  written: Set<string>;
  /** Values that were left out since the last one was written down. */
  untold: number;
}

/**
 * Decides which of the values that are left out are written to the quarantine: of one lock each field and value once an
 * hour. A lock that says −1 in every record costs a row an hour, and one that says something else each time 20.
 */
export class LeftOutNotes {
  readonly #heard = new QuickLRU<string, Heard>({ maxSize: LOCKS_KEPT });

  /** Those to be written now. Remembers nothing: the transaction may fail. */
  due(partial: readonly PartialRecord[], nowMs: number): LeftOutNote[] {
    const due = new Map<string, LeftOutNote>();
    const newOf = new Map<string, number>();
    for (const { record, leftOut: values, raw } of partial) {
      const { lockId, receivedMs } = record;
      const written = this.#of(lockId, nowMs)?.written;
      for (const leftOut of values) {
        const id = idOf(leftOut);
        const key = `${lockId} ${id}`;
        const ofLock = newOf.get(lockId) ?? 0;
        if (written?.has(id) || due.has(key) || (written?.size ?? 0) + ofLock >= MOST_OF_A_LOCK) continue;
        newOf.set(lockId, ofLock + 1);
        due.set(key, { lockId, leftOut, raw, receivedMs });
      }
    }
    return [...due.values()];
  }

  /** How many values of each lock were left out since the last note, those of this batch among them. */
  countsOf(partial: readonly PartialRecord[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { record, leftOut } of partial) {
      const untold = counts.get(record.lockId) ?? this.#heard.get(record.lockId)?.untold ?? 0;
      counts.set(record.lockId, untold + leftOut.length);
    }
    return counts;
  }

  /** To be called once the notes are committed. */
  committed(partial: readonly PartialRecord[], notes: readonly LeftOutNote[], nowMs: number): void {
    for (const [lockId, untold] of this.countsOf(partial)) {
      const heard = this.#of(lockId, nowMs) ?? { sinceMs: nowMs, written: new Set<string>(), untold: 0 };
      this.#heard.set(lockId, { ...heard, untold });
    }
    for (const { lockId, leftOut } of notes) {
      const heard = this.#heard.get(lockId);
      heard?.written.add(idOf(leftOut));
      if (heard) heard.untold = 0;
    }
  }

  #of(lockId: string, nowMs: number): Heard | undefined {
    const heard = this.#heard.get(lockId);
    if (heard && nowMs - heard.sinceMs >= AGAIN_AFTER_MS) return undefined;
    return heard;
  }
}

const idOf = ({ field, value }: LeftOut): string => `${field} ${value}`;
