import { reportTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inPipelinedTransaction, inTransaction, type Queryable } from '../postgres/queryable.ts';
import { credibleFix } from '../record/credible-fix.ts';
import { leftOutDetail } from '../record/left-out.ts';
import { type AlarmRow, alarmOf } from '../store/alarms/alarms.ts';
import {
  activeAlarmsOfTrips,
  dropCheckpoints,
  holdLocks,
  insertOutbox,
  insertReports,
  type LeftOutUpdate,
  type LockPlace,
  type LockUpdate,
  moveTrips,
  type OutboxInsert,
  type TripAfter,
  type TripUpdate,
  updateLeftOut,
  updateLocks,
  updateTrips,
  upsertAlarms,
  type WrittenAlarm,
  waitForTurn,
  withdrawAlarms,
  writeCheckpoints,
} from '../store/reports/batch.ts';
import { recordsByIdentity } from '../store/reports/identities.ts';
import { insertConflicts, insertQuarantine, type QuarantineInsert } from '../store/reports/quarantine.ts';
import type { StoredLock } from '../store/reports/roster.ts';
import { tripsInheriting } from '../store/trips/inherited.ts';
import { askToJudge, askToJudgeLate } from '../store/trips/to-judge.ts';
import { describeRule, reportKey } from '../tracker/index.ts';
import type { Admitted } from './admit.ts';
import type { FollowedTrip } from './followed-trip.ts';
import type { SortedRefusals } from './junk-bound.ts';
import type { LeftOutNote } from './left-out-notes.ts';
import type { BatchOutcome, TripOutcome } from './outcome.ts';

/** A checkpoint is written when the newest one is older than this, in fix time; a start folds at most so much of a trip. */
const CHECKPOINT_EVERY_MS = 10 * 60_000;

/** What a transaction wrote; published once it has committed. */
export interface Written {
  alarms: AlarmRow[];
  withdrawn: AlarmRow[];
  raised: WrittenAlarm[];
  /** Trips that have inherited one of these alarms: their risk may be another one. */
  inheriting: TripAfter[];
  trips: Map<string, TripAfter>;
  /** The trips' columns that were written; trips without a visible change are left out. */
  progress: Map<string, TripUpdate>;
  /** Fix time of each trip's newest checkpoint after the transaction, epoch ms; unchanged ones are left out. */
  checkpoints: Map<string, number>;
}

/** Who writes, and what is its own. */
export interface Writer {
  pool: Pool;
  memberId: number;
  /** Slots whose trips it folds. */
  slots: ReadonlySet<number>;
}

/**
 * Writes a whole batch in the one transaction of law 1. Most batches only move locks and trucks; such a one is written in a
 * pipelined transaction, a single round trip.
 * @throws of Postgres, SW002: a lock has moved to another slot since the batch was judged
 */
export function writeBatch(
  { pool, memberId, slots }: Writer,
  outcome: BatchOutcome,
  aside: WrittenAside,
  nowMs: number,
): Promise<Written> {
  const { trips } = outcome;
  const write = (db: Queryable) => writeOutcome(db, { memberId, slots }, outcome, aside, nowMs);
  return trips.some(hasChanges) ? inTransaction(pool, write) : inPipelinedTransaction(pool, write);
}

async function writeOutcome(
  db: Queryable,
  { memberId, slots }: Omit<Writer, 'pool'>,
  { admitted, trips, locks, strays }: BatchOutcome,
  aside: WrittenAside,
  nowMs: number,
): Promise<Written> {
  // Locks before alarms and trips, as where a trip is declared: so the two do not wait for each other in a circle.
  const records = Promise.all([
    waitForTurn(db, memberId),
    insertReports(db, admitted.accepted),
    updateLocks(db, lockUpdates(admitted, locks)),
    holdLocks(db, locksOfConflictsAlone(admitted, locks)),
    insertQuarantine(db, quarantineRows(aside)),
    updateLeftOut(db, leftOutOfLocks(aside)),
    insertConflicts(db, admitted.conflicts),
    askToJudgeLate(db, [...strays]),
  ]);
  const [written] = await Promise.all([writeTrips(db, trips, slots, nowMs), records]);
  return written;
}

/** What is written beside the records: refusals, and values that were left out with how many there were of each lock. */
export interface WrittenAside {
  refusals: SortedRefusals['kept'];
  due: readonly LeftOutNote[];
  counts: ReadonlyMap<string, number>;
}

function quarantineRows({ refusals, due }: WrittenAside): QuarantineInsert[] {
  const refused = refusals.map(({ lockId, refusal }) => ({ lockId, topic: reportTopic(lockId), ...refusal }));
  const noted = due.map(({ lockId, leftOut, raw }) => ({
    lockId,
    topic: reportTopic(lockId),
    reason: 'field-left-out',
    detail: leftOutDetail(leftOut),
    raw,
  }));
  return [...refused, ...noted];
}

function leftOutOfLocks({ due, counts }: WrittenAside): LeftOutUpdate[] {
  const updates = new Map<string, LeftOutUpdate>();
  for (const { lockId, leftOut, receivedMs } of due) {
    const last = { ...leftOut, at: new Date(receivedMs).toISOString() };
    updates.set(lockId, { lockId, count: counts.get(lockId) ?? 1, last });
  }
  return [...updates.values()];
}

/**
 * As `writeBatch`, after a try that may have committed: that one published nothing, so all active alarms are published. It may have
 * come through since the batch was judged, and a record of it may lie in a block by now, where the insert does not look.
 * @throws where one of the records is stored
 */
export async function writeAgain(
  { pool, ...writer }: Writer,
  outcome: BatchOutcome,
  aside: WrittenAside,
  nowMs: number,
): Promise<Written> {
  const written = await inTransaction(pool, async (db) => {
    await waitForTurn(db, writer.memberId);
    const [stored] = await recordsByIdentity(db, outcome.admitted.accepted);
    if (stored) throw new Error(`a record of the batch is stored: ${reportKey(stored)}`);
    return writeOutcome(db, writer, outcome, aside, nowMs);
  });
  const tripIds = outcome.trips.map((trip) => trip.next.plan.tripId);
  return { ...written, alarms: [...written.alarms, ...(await activeAlarmsOfTrips(pool, tripIds))] };
}

/** Whether writing a trip may create an event: an event is made from the server's answers, so they must arrive before the COMMIT. */
function hasChanges({ changes, withdrawn, next }: TripOutcome): boolean {
  return changes.length > 0 || withdrawn.length > 0 || isDeparting(next) || isArriving(next);
}

/**
 * Writes the outcomes of trips: alarms, tracker columns, departures and arrivals, checkpoints, and the events of these. Trips of
 * other slots that an alarm colours are to be judged by their owner, which has their colour in memory.
 */
export async function writeTrips(
  db: Queryable,
  trips: TripOutcome[],
  slots: ReadonlySet<number>,
  nowMs: number,
): Promise<Written> {
  const facts = trips.flatMap(({ next, changes }) => changes.map((fact) => ({ tripId: next.plan.tripId, fact })));
  const progress = new Map(trips.filter(isWorthWriting).map((trip) => [trip.next.plan.tripId, tripUpdate(trip)]));
  // One connection runs these in the order sent: a trip's risk is worked out from its alarms, so they come first.
  const [withdrawn, alarms, after, moved, checkpoints] = await Promise.all([
    withdrawAlarms(
      db,
      trips.flatMap((trip) => trip.withdrawn),
    ),
    upsertAlarms(db, facts, nowMs),
    updateTrips(db, [...progress.values()]),
    moveAll(db, trips),
    keepCheckpoints(db, trips),
  ]);
  const raised = alarms.filter(isRaised);
  const latched = alarms.filter((alarm) => alarm.kind === 'latched');
  const [inheriting] = await Promise.all([
    tripsInheriting(
      db,
      latched.map((alarm) => alarm.alarm_id),
    ),
    insertOutbox(db, [...moved, ...raised.flatMap(raisedEvents)]),
  ]);
  // Written as it was, an alarm colours nothing anew: two workers would ask each other for ever.
  if (latched.some(({ phase, old_phase: before }) => phase !== before)) {
    const others = inheriting.filter(({ slot }) => !slots.has(slot));
    await askToJudge(
      db,
      others.map((trip) => trip.trip_id),
    );
  }
  const status = new Map(after.map((trip) => [trip.trip_id, trip]));
  for (const { type, tripId } of moved) {
    const trip = tripId && status.get(tripId);
    if (trip) trip.status = type === 'trip.departed' ? 'in-transit' : 'arrived';
  }
  return { alarms, withdrawn, raised, inheriting, trips: status, progress, checkpoints };
}

/** Smaller changes of the distance done or of the ETA are not written. */
const WORTH_M = 50;
const WORTH_MS = 60_000;

/** Whether the trip's row changes visibly; its risk changes with its alarms. */
function isWorthWriting(trip: TripOutcome): boolean {
  const was = trip.next.written;
  if (!was || trip.changes.length > 0 || trip.withdrawn.length > 0) return true;
  const now = tripUpdate(trip);
  if (now.departedAtMs !== was.departedAtMs || now.arrivedAtMs !== was.arrivedAtMs) return true;
  if (now.totalM !== was.totalM || (now.etaMs === undefined) !== (was.etaMs === undefined)) return true;
  return Math.abs(now.doneM - was.doneM) >= WORTH_M || Math.abs((now.etaMs ?? 0) - (was.etaMs ?? 0)) >= WORTH_MS;
}

type Locks = ReadonlyMap<string, StoredLock>;

/** A lock that is not in the store is nowhere; its records are refused before. */
function placeOf(lockId: string, locks: Locks): LockPlace {
  const { slot = -1, slotMoves = -1 } = locks.get(lockId) ?? {};
  return { lockId, slot, slotMoves };
}

function lockUpdates({ accepted, highest, clocks }: Admitted, locks: Locks): LockUpdate[] {
  const updates = new Map<string, LockUpdate>();
  for (const record of accepted) {
    const { lockId, receivedMs } = record;
    const was = updates.get(lockId);
    const top = highest.get(lockId) ?? record;
    const clock = clocks.get(lockId);
    const older = was?.lastFix && was.lastFix.timeMs > record.timeMs;
    const lastFix = older || !credibleFix(record.position) ? was?.lastFix : record;
    updates.set(lockId, {
      ...(was === undefined ? placeOf(lockId, locks) : { lockId, slot: was.slot, slotMoves: was.slotMoves }),
      maxBoot: top.boot,
      maxSeq: top.seq,
      receivedMs,
      last: was && was.last.timeMs > record.timeMs ? was.last : record,
      ...(lastFix ? { lastFix } : {}),
      ...(clock ? { clock } : {}),
    });
  }
  return [...updates.values()];
}

function locksOfConflictsAlone({ accepted, conflicts }: Admitted, locks: Locks): LockPlace[] {
  if (conflicts.length === 0) return [];
  const updated = new Set(accepted.map(({ lockId }) => lockId));
  const others = new Set(conflicts.map(({ lockId }) => lockId).filter((lockId) => !updated.has(lockId)));
  return [...others].sort().map((lockId) => placeOf(lockId, locks));
}

/** A provisional alarm is shown but not raised before it is confirmed. */
function isRaised(alarm: WrittenAlarm): boolean {
  if (!alarm.active && alarm.old_phase === null && describeRule(alarm.rule)?.onlyWhileOpen) return false;
  return alarm.phase !== 'provisional' && (alarm.old_phase === null || alarm.old_phase === 'provisional');
}

function raisedEvents(alarm: WrittenAlarm): OutboxInsert[] {
  const tripId = alarm.trip_id ?? undefined;
  const { lock_id: lockId, rule, evidence } = alarm;
  const type = describeRule(rule)?.event;
  return [
    { type: 'alarm.raised', tripId, data: alarmOf(alarm) },
    ...(type ? [{ type, tripId, data: { lockId, tripId, rule, percent: evidence.percent } }] : []),
  ];
}

function tripUpdate({ next, changes, withdrawn }: TripOutcome): TripUpdate {
  const { tripId, departedAtMs: takenOverAtMs } = next.plan;
  const { doneM, totalM, etaMs, departedAtMs, arrivedAtMs } = next.track.state;
  return {
    tripId,
    doneM,
    totalM,
    // Also for a trip just loaded: its stored risk may come from other alarms.
    alarmed: changes.length > 0 || withdrawn.length > 0 || next.written === undefined,
    ...(etaMs === undefined ? {} : { etaMs }),
    ...(departedAtMs === undefined || takenOverAtMs !== undefined ? {} : { departedAtMs }),
    ...(arrivedAtMs === undefined ? {} : { arrivedAtMs }),
  };
}

const isDeparting = ({ track, status }: FollowedTrip) => track.state.departedAtMs !== undefined && status === 'sealed';
const isArriving = ({ track, status }: FollowedTrip) =>
  track.state.arrivedAtMs !== undefined && (status === 'sealed' || status === 'in-transit');

async function moveAll(db: Queryable, trips: TripOutcome[]): Promise<OutboxInsert[]> {
  const idsOf = (is: (trip: FollowedTrip) => boolean) =>
    trips.flatMap(({ next }) => (is(next) ? next.plan.tripId : []));
  const [departed, arrived] = await Promise.all([
    moveTrips(db, 'depart', idsOf(isDeparting)),
    moveTrips(db, 'arrive', idsOf(isArriving)),
  ]);
  const event = (type: OutboxInsert['type'], atMs: number | undefined, tripId: string): OutboxInsert => ({
    type,
    tripId,
    data: { tripId, at: new Date(atMs ?? 0).toISOString() },
  });
  const stateOf = (tripId: string) => trips.find(({ next }) => next.plan.tripId === tripId)?.next.track.state;
  return [
    ...departed.map((tripId) => event('trip.departed', stateOf(tripId)?.departedAtMs, tripId)),
    ...arrived.map((tripId) => event('trip.arrived', stateOf(tripId)?.arrivedAtMs, tripId)),
  ];
}

async function keepCheckpoints(db: Queryable, trips: TripOutcome[]): Promise<Map<string, number>> {
  const outdated = trips.filter(({ next, fromMs }) => fromMs <= next.checkpointMs);
  const kept = new Map(outdated.map(({ next }) => [next.plan.tripId, 0]));
  const due = trips.filter(({ next }) => {
    const before = kept.get(next.plan.tripId) ?? next.checkpointMs;
    return next.track.state.lastTimeMs - before >= CHECKPOINT_EVERY_MS;
  });
  const written = due.map(({ next }) => ({
    tripId: next.plan.tripId,
    timeMs: next.track.state.lastTimeMs,
    state: next.track.state,
  }));
  for (const { tripId, timeMs } of written) kept.set(tripId, timeMs);
  await Promise.all([
    dropCheckpoints(
      db,
      outdated.map(({ next, fromMs }) => ({ tripId: next.plan.tripId, timeMs: fromMs })),
    ),
    writeCheckpoints(db, written),
  ]);
  return kept;
}
