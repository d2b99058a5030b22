import type { LockClock } from '../record/clock.ts';
import type { ReadPublish } from '../record/decode.ts';
import type { PartialRecord } from '../record/left-out.ts';
import { bootIn, lifeOf, sentBoot } from '../record/life.ts';
import type { Numbers } from '../record/numbers.ts';
import { asSent, type RecordRefusal, sameBody, sentTimeMs, wireForm } from '../record/record.ts';
import { isLate, type TrackedReport } from '../record/report.ts';
import { showsTwoLocks, turnsAfter } from '../record/turns.ts';
import type { Identity } from '../store/reports/identities.ts';
import { reportKey } from '../tracker/index.ts';
import { type Highest, type HighestOf, isAbove } from './highest.ts';
import type { JudgedTimes } from './judge-times.ts';

export interface Admitted {
  accepted: TrackedReport[];
  duplicates: TrackedReport[];
  refusals: { lockId: string; refusal: RecordRefusal }[];
  /** Accepted records of which something was left out. */
  partial: PartialRecord[];
  /**
   * Identities that came again with another body, and the first record after a restart of a lock's counters. The time
   * decides the trip: that of the second record if it is live and on time, otherwise that of the first.
   */
  conflicts: { lockId: string; boot: number; seq: number; timeMs: number }[];
  /** The highest identity of each lock after this batch. */
  highest: Map<string, Highest>;
  /** What is known of each lock's clock after this batch, if it changed. */
  clocks: Map<string, LockClock>;
}

/** Identities that may be stored already: those not above the highest one of their lock. All others are new. */
export function possibleDuplicates(publishes: readonly ReadPublish[], highestOf: HighestOf): Identity[] {
  const highest = new Map<string, Numbers>();
  const possible: Identity[] = [];
  for (const { records } of publishes) {
    for (const record of records) {
      if (lifeOf(record.boot) > 0) possible.push({ ...identityOf(record), boot: earlierBoot(record) });
      if (isAbove(record, highest.get(record.lockId) ?? highestOf(record.lockId))) highest.set(record.lockId, record);
      else possible.push(record);
    }
  }
  return possible;
}

const identityOf = ({ lockId, boot, seq, timeMs }: TrackedReport): Identity => ({ lockId, boot, seq, timeMs });

/** The boot of the same number in the lock's life before. */
const earlierBoot = ({ boot }: TrackedReport): number => bootIn(lifeOf(boot) - 1, boot);

/**
 * Which records of a batch are new, in order. The same record again is acknowledged and changes nothing; the same identity
 * with another body goes to the quarantine, unless the lock's counters have started again.
 * @param publishes with their times judged
 * @param stored what the store holds of the `possibleDuplicates`
 */
export function admit(
  publishes: readonly ReadPublish[],
  highestOf: HighestOf,
  stored: readonly TrackedReport[],
  times: JudgedTimes,
): Admitted {
  const admitted: Admitted = {
    accepted: [],
    duplicates: [],
    refusals: [],
    partial: [],
    conflicts: [],
    highest: new Map(),
    clocks: times.clocks,
  };
  const seen = new SeenRecords(stored, admitted.accepted);
  for (const { lockId, records, refusals, raw } of publishes) {
    for (const refusal of refusals) admitted.refusals.push({ lockId, refusal });
    const alone = records.length === 1 && refusals.length === 0 ? raw : undefined;
    for (const record of records) admitOne(admitted, { seen, highestOf, times }, record, alone);
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
  readonly #index = new Map<string, TrackedReport>();
  readonly #stored: readonly TrackedReport[];
  readonly #accepted: readonly TrackedReport[];
  #indexed = 0;

  constructor(stored: readonly TrackedReport[], accepted: readonly TrackedReport[]) {
    this.#stored = stored;
    this.#accepted = accepted;
  }

  find(record: TrackedReport): TrackedReport | undefined {
    if (this.#index.size === 0) for (const stored of this.#stored) this.#index.set(reportKey(stored), stored);
    for (; this.#indexed < this.#accepted.length; this.#indexed++) {
      const accepted = this.#accepted[this.#indexed] as TrackedReport;
      this.#index.set(reportKey(accepted), accepted);
    }
    return this.#index.get(reportKey(record));
  }
}

interface Known {
  seen: SeenRecords;
  highestOf: HighestOf;
  times: JudgedTimes;
}

function admitOne(
  admitted: Admitted,
  { seen, highestOf, times }: Known,
  record: TrackedReport,
  raw: Buffer | undefined,
): void {
  const { lockId } = record;
  const highest = admitted.highest.get(lockId) ?? highestOf(lockId);
  const life = lifeOf(highest?.boot ?? 0);
  if (isStoredBefore(seen, record, life)) {
    admitted.duplicates.push(record);
    return;
  }
  if (life > 0) record.boot = bootIn(life, record.boot);
  const above = isAbove(record, highest);
  const first = above ? undefined : seen.find(record);
  if (times.outOfTurn.has(record) && !above && isRestart(record, first, highest)) {
    restart(admitted, record, life + 1);
    return;
  }
  if (!first) {
    admitted.accepted.push(record);
    admitted.highest.set(lockId, above || !highest ? record : highest);
    if (isLate(record) || (!above && !times.outOfTurn.has(record))) return;
    takeTurn(admitted, record, above, admitted.clocks.get(lockId) ?? times.clockOf(lockId));
    return;
  }
  const isNumbered = times.isNumbered(lockId);
  if (sameBody(first, record, isNumbered)) {
    admitted.duplicates.push(record);
    return;
  }
  const detail = `boot ${sentBoot(record.boot)}, seq ${record.seq}: another body than the record stored first, expected the same`;
  admitted.refusals.push({ lockId, refusal: refusalOf('identity-conflict', detail, record, raw) });
  // Numbers that are made of the content prove no second device: another profile has read the same record.
  if (!isNumbered) return;
  const { timeMs } = isLate(record) ? first : record;
  admitted.conflicts.push({ lockId, boot: record.boot, seq: record.seq, timeMs });
}

/** Whether the same record was stored in the life before the lock's current one. */
function isStoredBefore(seen: SeenRecords, record: TrackedReport, life: number): boolean {
  if (life === 0) return false;
  const before = seen.find({ ...record, boot: bootIn(life - 1, record.boot) });
  return before !== undefined && sameBody(before, record);
}

/** Numbers up to this are those of a lock that has just begun to count. */
const FIRST_NUMBERS = 16;

/**
 * Whether a live record, later than all others but not numbered above them, shows that the lock's counters started again:
 * its number is taken by an older record, or it is one of the first after a restart.
 */
function isRestart(record: TrackedReport, first: TrackedReport | undefined, highest: Numbers | undefined): boolean {
  if (first) return !sameBody(first, record) && sentTimeMs(first) !== sentTimeMs(record);
  if (record.clockFault === 'ahead' || !highest || record.boot >= highest.boot) return false;
  return record.seq <= FIRST_NUMBERS || (record.events ?? []).some(({ type }) => type === 'restart');
}

/** Follows the numbers of a lock's live records: two locks under one name are a conflict of identity, too. */
function takeTurn(admitted: Admitted, record: TrackedReport, above: boolean, clock: LockClock): void {
  const turns = turnsAfter(clock.turns, record, above);
  if (turns === clock.turns) return;
  const { lockId, boot, seq, timeMs } = record;
  const { turns: was, ...rest } = clock;
  admitted.clocks.set(lockId, turns ? { ...rest, turns } : rest);
  if (showsTwoLocks(was, turns)) admitted.conflicts.push({ lockId, boot, seq, timeMs });
}

/** Takes the record into a new life of its lock: all its numbers are above those of the lives before. */
function restart(admitted: Admitted, record: TrackedReport, life: number): void {
  const { lockId, seq, timeMs } = record;
  record.boot = bootIn(life, record.boot);
  admitted.accepted.push(record);
  admitted.highest.set(lockId, record);
  admitted.conflicts.push({ lockId, boot: record.boot, seq, timeMs });
}

/** @param raw the publish, if it holds only this record; otherwise the record is written out again */
function refusalOf(reason: string, detail: string, record: TrackedReport, raw: Buffer | undefined): RecordRefusal {
  return { reason, detail, raw: raw ?? Buffer.from(JSON.stringify(wireForm(asSent(record)))) };
}
