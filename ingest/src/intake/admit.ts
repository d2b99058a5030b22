import type { ReadPublish } from '../record/decode.ts';
import { type IntakeRecord, type Refusal, sameBody, wireForm } from '../record/record.ts';
import type { Identity } from '../store/reports/identities.ts';
import { reportKey } from '../tracker/index.ts';

/** A clock may be ahead of the platform's by so much (docs/rules.md). */
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
  refusals: { lockId: string; refusal: Refusal }[];
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

/** Identities that may be stored already: those not above everything seen of their lock. The others are surely new. */
export function doubtful(publishes: readonly ReadPublish[], highestOf: HighestOf): Identity[] {
  const highest = new Map<string, Highest>();
  const doubts: Identity[] = [];
  for (const { records } of publishes) {
    for (const record of records) {
      if (isAhead(record)) continue;
      if (isAbove(record, highest.get(record.lockId) ?? highestOf(record.lockId))) highest.set(record.lockId, record);
      else doubts.push(record);
    }
  }
  return doubts;
}

/**
 * Which records of a batch are new, in order. The same record again is answered and changes nothing; the same identity
 * with another body, and a time more than 10 min ahead, are refused into the quarantine; very old times are welcome.
 * @param stored what the store holds of the `doubtful` identities
 */
export function admit(
  publishes: readonly ReadPublish[],
  highestOf: HighestOf,
  stored: readonly IntakeRecord[],
): Admitted {
  const admitted: Admitted = { accepted: [], duplicates: [], refusals: [], conflicts: [], highest: new Map() };
  const known = new Known(stored, admitted.accepted);
  for (const { lockId, records, refusals, raw } of publishes) {
    for (const refusal of refusals) admitted.refusals.push({ lockId, refusal });
    const alone = records.length === 1 && refusals.length === 0 ? raw : undefined;
    for (const record of records) admitOne(admitted, known, highestOf, record, alone);
  }
  return admitted;
}

/** Records by identity: the stored ones and those accepted so far. Indexed when first asked, which most batches never do. */
class Known {
  readonly #index = new Map<string, IntakeRecord>();
  readonly #stored: readonly IntakeRecord[];
  readonly #accepted: readonly IntakeRecord[];
  #indexed = 0;

  constructor(stored: readonly IntakeRecord[], accepted: readonly IntakeRecord[]) {
    this.#stored = stored;
    this.#accepted = accepted;
  }

  find(record: IntakeRecord): IntakeRecord | undefined {
    if (this.#index.size === 0) for (const known of this.#stored) this.#index.set(reportKey(known), known);
    for (; this.#indexed < this.#accepted.length; this.#indexed++) {
      const accepted = this.#accepted[this.#indexed] as IntakeRecord;
      this.#index.set(reportKey(accepted), accepted);
    }
    return this.#index.get(reportKey(record));
  }
}

function admitOne(
  admitted: Admitted,
  known: Known,
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
  const first = above ? undefined : known.find(record);
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

/** @param raw the publish where it held this record alone; one of many is written as it was understood */
function refusalOf(reason: string, detail: string, record: IntakeRecord, raw: Buffer | undefined): Refusal {
  return { reason, detail, raw: raw ?? Buffer.from(JSON.stringify(wireForm(record))) };
}
