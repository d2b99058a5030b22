import { setImmediate } from 'node:timers/promises';
import type { Queryable } from '../postgres/queryable.ts';
import type { ReadPublish } from '../record/decode.ts';
import type { TrackedReport } from '../record/report.ts';
import { recordsByIdentity } from '../store/reports/identities.ts';
import { tripRecords } from '../store/reports/roster.ts';
import { type Advance, advance, type IdentityConflict, type TripPlan } from '../tracker/index.ts';
import { admit, possibleDuplicates } from './admit.ts';
import type { FollowedTrip } from './followed-trip.ts';
import type { HighestOf } from './highest.ts';
import { judgeTimes } from './judge-times.ts';
import { JudgingError, judging } from './judging-error.ts';
import type { Publish } from './lanes.ts';
import type { BatchOutcome, TripOutcome } from './outcome.ts';
import { readPublish } from './read-publish.ts';
import type { Roster } from './roster.ts';

/** After so long judging yields to the event loop: to sockets, and to the commit of the batch before. */
const SLICE_MS = 4;

class Turns {
  #sinceMs = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#sinceMs >= SLICE_MS;
  }

  async next(): Promise<void> {
    await setImmediate();
    this.#sinceMs = performance.now();
  }
}

/**
 * Decodes a batch, admits it and folds it into its trips (laws 2, 3). Changes nothing in the store; in memory it only loads
 * what is missing.
 * @throws JudgingError, or what the store rejects with
 */
export async function judgeBatch(db: Queryable, roster: Roster, batch: readonly Publish[]): Promise<BatchOutcome> {
  const turns = new Turns();
  const publishes: ReadPublish[] = [];
  for (const publish of batch) {
    publishes.push(readPublish(publish));
    if (turns.isOver) await turns.next();
  }
  const moved = await roster.ensureLocks(new Set(publishes.map((publish) => publish.lockId)), db);
  const own = moved.size === 0 ? publishes : publishes.filter((publish) => !moved.has(publish.lockId));
  const highestOf: HighestOf = (lockId) => {
    const lock = roster.lock(lockId);
    return lock && lock.maxBoot >= 0 ? { boot: lock.maxBoot, seq: lock.maxSeq, timeMs: lock.lastMs } : undefined;
  };
  const times = judgeTimes(own, (lockId) => {
    const lock = roster.lock(lockId);
    const highest = highestOf(lockId);
    return (
      lock && {
        highest,
        clock: lock.clock,
        numbered: lock.numbered,
        inServiceMs: lock.inServiceMs,
        windows: lock.windows,
      }
    );
  });
  const stored = await recordsByIdentity(db, possibleDuplicates(own, highestOf));
  const admitted = admit(own, highestOf, stored, times);
  const { byTrip, strays } = groupByTrip(roster, admitted.accepted, admitted.conflicts);
  await roster.ensureTrips(byTrip.keys(), db);
  const trips: TripOutcome[] = [];
  for (const [tripId, arrived] of byTrip) {
    const trip = roster.trip(tripId);
    // Awaited only if the store is read: a promise for each trip costs time.
    const judged = trip && judgeTrip(db, trip, arrived.records, arrived.conflicts);
    if (judged) trips.push(judged instanceof Promise ? await judged : judged);
    if (turns.isOver) await turns.next();
  }
  return { admitted, trips, locks: roster.locks, moved, strays };
}

interface Arrived {
  records: TrackedReport[];
  conflicts: IdentityConflict[];
}

/** What arrived by own trips; and the trips of others that records belong to, e.g. late ones of a lock's trip before. */
function groupByTrip(
  roster: Roster,
  accepted: TrackedReport[],
  conflicts: IdentityConflict[],
): { byTrip: Map<string, Arrived>; strays: Set<string> } {
  const byTrip = new Map<string, Arrived>();
  const strays = new Set<string>();
  const of = (lockId: string, timeMs: number): Arrived | undefined => {
    const window = roster.windowOf(lockId, timeMs);
    if (!window) return undefined;
    const { tripId, slot } = window;
    if (!roster.slots.has(slot)) {
      strays.add(tripId);
      return undefined;
    }
    const kept = byTrip.get(tripId) ?? { records: [], conflicts: [] };
    byTrip.set(tripId, kept);
    return kept;
  };
  for (const record of accepted) of(record.lockId, record.timeMs)?.records.push(record);
  for (const conflict of conflicts) of(conflict.lockId, conflict.timeMs)?.conflicts.push(conflict);
  return { byTrip, strays };
}

function judgeTrip(
  db: Queryable,
  trip: FollowedTrip,
  records: TrackedReport[],
  conflicts: IdentityConflict[],
): TripOutcome | Promise<TripOutcome> {
  const earlier = trip.plan.identityConflicts ?? [];
  const plan = conflicts.length > 0 ? { ...trip.plan, identityConflicts: [...earlier, ...conflicts] } : trip.plan;
  const first = judging(`trip ${plan.tripId}`, () => advance(plan, trip.track, records));
  if (first.ok) return outcomeOf(trip, plan, records, first, false);
  return reevaluate(db, { ...trip, plan }, records, first.needFromMs);
}

/** Judges again with the stored records that are no longer in memory. */
async function reevaluate(
  db: Queryable,
  trip: FollowedTrip,
  records: TrackedReport[],
  needFromMs: number,
): Promise<TripOutcome> {
  const { plan, track } = trip;
  const stored = await tripRecords(db, plan.tripId, needFromMs);
  const second = judging(`trip ${plan.tripId}`, () => advance(plan, track, records, stored));
  if (!second.ok) throw new JudgingError(`trip ${plan.tripId}: cannot be judged from ${needFromMs} on`);
  return outcomeOf(trip, plan, records, second, true);
}

function outcomeOf(
  trip: FollowedTrip,
  plan: TripPlan,
  records: TrackedReport[],
  { track, changes, withdrawn }: Extract<Advance, { ok: true }>,
  reevaluated: boolean,
): TripOutcome {
  const fromMs = records.reduce((first, record) => Math.min(first, record.timeMs), Number.POSITIVE_INFINITY);
  return { next: { ...trip, plan, track }, changes, withdrawn, fromMs, reevaluated };
}
