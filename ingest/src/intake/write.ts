import { reportTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inOneGo, inTransaction, type Queryable } from '../postgres/queryable.ts';
import { type AlarmRow, alarmOf } from '../store/alarms/alarms.ts';
import {
  dropCheckpoints,
  insertOutbox,
  insertReports,
  type LockUpdate,
  moveTrips,
  type OutboxInsert,
  type TripAfter,
  type TripUpdate,
  updateLocks,
  updateTrips,
  upsertAlarms,
  type WrittenAlarm,
  withdrawAlarms,
  writeCheckpoints,
} from '../store/reports/batch.ts';
import { insertConflicts, insertQuarantine } from '../store/reports/quarantine.ts';
import { describeRule } from '../tracker/index.ts';
import type { Admitted } from './admit.ts';
import type { Outcome, TripOutcome } from './judge.ts';
import type { FollowedTrip } from './roster.ts';

/** A checkpoint is written when the newest one is older than this, in fix time: at most so much is folded at a start. */
const CHECKPOINT_EVERY_MS = 10 * 60_000;

/** What the transaction made of an outcome, to be told once it has committed. */
export interface Written {
  alarms: AlarmRow[];
  withdrawn: AlarmRow[];
  raised: WrittenAlarm[];
  trips: Map<string, TripAfter>;
  /** What was written of trips; of the others nothing had changed that anyone would see. */
  progress: Map<string, TripUpdate>;
  /** Fix time of the checkpoint that each trip now has. */
  checkpoints: Map<string, number>;
}

/**
 * Writes a whole batch in the one transaction of law 1. Most batches say no more than where locks and trucks are; these
 * need no answer before their COMMIT, so that it goes with them.
 */
export function writeBatch(pool: Pool, outcome: Outcome, nowMs: number): Promise<Written> {
  const { admitted, reports, trips } = outcome;
  const write = async (db: Queryable) => {
    const [written] = await Promise.all([
      writeTrips(db, trips, nowMs),
      insertReports(db, reports),
      updateLocks(db, lockUpdates(admitted)),
      insertQuarantine(
        db,
        admitted.refusals.map(({ lockId, refusal }) => ({ lockId, topic: reportTopic(lockId), ...refusal })),
      ),
      insertConflicts(db, admitted.conflicts),
    ]);
    return written;
  };
  return trips.some(hasNews) ? inTransaction(pool, write) : inOneGo(pool, write);
}

/** Whether writing a trip may make an event: what it holds is known only when the answers are here. */
function hasNews({ changes, withdrawn, next }: TripOutcome): boolean {
  return changes.length > 0 || withdrawn.length > 0 || isDeparting(next) || isArriving(next);
}

/** Writes what was judged of trips: alarms, tracker columns, moves, checkpoints and the events of these. */
export async function writeTrips(db: Queryable, trips: TripOutcome[], nowMs: number): Promise<Written> {
  const facts = trips.flatMap(({ next, changes }) => changes.map((fact) => ({ tripId: next.plan.tripId, fact })));
  const progress = new Map(trips.filter(isWorthWriting).map((trip) => [trip.next.plan.tripId, tripUpdate(trip)]));
  // Sent in this order, and so done in it: the risk of a trip is worked out from its alarms.
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
  await insertOutbox(db, [...moved, ...raised.flatMap(raisedEvents)]);
  const status = new Map(after.map((trip) => [trip.trip_id, trip]));
  for (const { type, tripId } of moved) {
    const trip = tripId && status.get(tripId);
    if (trip) trip.status = type === 'trip.departed' ? 'in-transit' : 'arrived';
  }
  return { alarms, withdrawn, raised, trips: status, progress, checkpoints };
}

/** A truck that crept on by less than this has not moved for anyone who looks at its trip. */
const WORTH_M = 50;
const WORTH_MS = 60_000;

/** Whether the trip's row says something else now; its risk follows its alarms. */
function isWorthWriting(trip: TripOutcome): boolean {
  const was = trip.next.written;
  if (!was || trip.changes.length > 0 || trip.withdrawn.length > 0) return true;
  const now = tripUpdate(trip);
  if (now.departedAtMs !== was.departedAtMs || now.arrivedAtMs !== was.arrivedAtMs) return true;
  if (now.totalM !== was.totalM || (now.etaMs === undefined) !== (was.etaMs === undefined)) return true;
  return Math.abs(now.doneM - was.doneM) >= WORTH_M || Math.abs((now.etaMs ?? 0) - (was.etaMs ?? 0)) >= WORTH_MS;
}

function lockUpdates({ accepted, highest }: Admitted): LockUpdate[] {
  const updates = new Map<string, LockUpdate>();
  for (const record of accepted) {
    const { lockId, receivedMs } = record;
    const was = updates.get(lockId);
    const top = highest.get(lockId) ?? record;
    const lastFix = !record.position || (was?.lastFix && was.lastFix.timeMs > record.timeMs) ? was?.lastFix : record;
    updates.set(lockId, {
      lockId,
      maxBoot: top.boot,
      maxSeq: top.seq,
      receivedMs,
      last: was && was.last.timeMs > record.timeMs ? was.last : record,
      ...(lastFix ? { lastFix } : {}),
    });
  }
  return [...updates.values()];
}

/** A provisional alarm is shown but not yet raised; it is raised when it is confirmed. */
function isRaised(alarm: WrittenAlarm): boolean {
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
    // Of a trip that has just come into memory nobody knows what its risk was worked out from.
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
