import type { ReadPublish } from '../record/decode.ts';
import type { PartialRecord } from '../record/left-out.ts';
import { type IntakeRecord, type RecordRefusal, sameBody, wireForm } from '../record/record.ts';
import type { Identity } from '../store/reports/identities.ts';
import { reportKey } from '../tracker/index.ts';

/** By how much a lock's clock may be ahead of the platform's, ms (docs/rules.md). */
export const AHEAD_MS = 10 * 60_000;

export interface Highest {
  boot: number;
  seq: number;
}

/** The highest identity stored of a lock; undefined before its first record. */
export type HighestOf = (lockId: string) => Highest | undefined;

export interface Admitted {
  accepted: IntakeRecord[];
  duplicates: IntakeRecord[];
  refusals: { lockId: string; refusal: RecordRefusal }[];
  /** Accepted records of which something was left out. */
  partial: PartialRecord[];
  /** Identities that came again with another body; the time is that of the first record. */
  conflicts: { lockId: string; boot: number; seq: number; timeMs: number }[];
  /** The highest identity of each lock after this batch. */
  highest: Map<string, Highest>;
}

function isAbove(record: IntakeRecord, highest: Highest | undefined): boolean {
  if (!highest) return true;
  return record.boot > highest.boot || (record.boot === highest.boot && record.seq > highest.seq);
}

function isAhead(record: IntakeRecord): boolean {
  return record.timeMs > record.receivedMs + AHEAD_MS;
}

/** Identities that may be stored already: those not above the highest one of their lock. All others are new. */
export function possibleDuplicates(publishes: readonly ReadPublish[], highestOf: HighestOf): Identity[] {
  const highest = new Map<string, Highest>();
  const possible: Identity[] = [];
  for (const { records } of publishes) {
    for (const record of records) {
      if (isAhead(record)) continue;
      if (isAbove(record, highest.get(record.lockId) ?? highestOf(record.lockId))) highest.set(record.lockId, record);
      else possible.push(record);
    }
  }
  return possible;
}

/**
 * Which records of a batch are new, in order. The same record again is acknowledged and changes nothing; the same identity
 * with another body, and a time more than 10 min ahead, go to the quarantine; times may be as old as they like.
 * @param stored what the store holds of the `possibleDuplicates`
 */
export function admit(
  publishes: readonly ReadPublish[],
  highestOf: HighestOf,
  stored: readonly IntakeRecord[],
): Admitted {
  const admitted: Admitted = {
    accepted: [],
    duplicates: [],
    refusals: [],
    partial: [],
    conflicts: [],
    highest: new Map(),
  };
  const seen = new SeenRecords(stored, admitted.accepted);
  for (const { lockId, records, refusals, raw } of publishes) {
    for (const refusal of refusals) admitted.refusals.push({ lockId, refusal });
    const alone = records.length === 1 && refusals.length === 0 ? raw : undefined;
    for (const record of records) admitOne(admitted, seen, highestOf, record, alone);
  }
  const partial = publishes.flatMap((publish) => publish.partial);
  if (partial.length > 0) {
    const accepted = new Set(admitted.accepted);
    admitted.partial = partial.filter(({ record }) => accepted.has(record));
  }
  return admitted;
}

/** Records by identity: the stored ones and those accepted so far. Indexed at the first `find`, which most batches never call. */
class SeenRecords {
  readonly #index = new Map<string, IntakeRecord>();
  readonly #stored: readonly IntakeRecord[];
  readonly #accepted: readonly IntakeRecord[];
  #indexed = 0;

  constructor(stored: readonly IntakeRecord[], accepted: readonly IntakeRecord[]) {
    this.#stored = stored;
    this.#accepted = accepted;
  }

  find(record: IntakeRecord): IntakeRecord | undefined {
    if (this.#index.size === 0) for (const stored of this.#stored) this.#index.set(reportKey(stored), stored);
    for (; this.#indexed < this.#accepted.length; this.#indexed++) {
      const accepted = this.#accepted[this.#indexed] as IntakeRecord;
      this.#index.set(reportKey(accepted), accepted);
    }
    return this.#index.get(reportKey(record));
  }
}

function admitOne(
  admitted: Admitted,
  seen: SeenRecords,
  highestOf: HighestOf,
  record: IntakeRecord,
  raw: Buffer | undefined,
): void {
  const { lockId } = record;
  if (isAhead(record)) {
    const aheadMin = Math.round((record.timeMs - record.receivedMs) / 60_000);
    const detail = `time: ${new Date(record.timeMs).toISOString()}, ${aheadMin} min ahead, expected at most 10 min`;
    admitted.refusals.push({ lockId, refusal: refusalOf('time-ahead', detail, record, raw) });
    return;
  }
  const highest = admitted.highest.get(lockId) ?? highestOf(lockId);
  const above = isAbove(record, highest);
  const first = above ? undefined : seen.find(record);
  if (!first) {
    admitted.accepted.push(record);
    admitted.highest.set(lockId, above || !highest ? record : highest);
    return;
  }
  if (sameBody(first, record)) {
    admitted.duplicates.push(record);
    return;
  }
  const detail = `boot ${record.boot}, seq ${record.seq}: another body than the record stored first, expected the same`;
  admitted.refusals.push({ lockId, refusal: refusalOf('identity-conflict', detail, record, raw) });
  admitted.conflicts.push({ lockId, boot: record.boot, seq: record.seq, timeMs: first.timeMs });
}

/** @param raw the publish, if it holds only this record; otherwise the record is written out again */
function refusalOf(reason: string, detail: string, record: IntakeRecord, raw: Buffer | undefined): RecordRefusal {
  return { reason, detail, raw: raw ?? Buffer.from(JSON.stringify(wireForm(record))) };
}
