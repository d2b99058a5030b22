import type { TrackPoint } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import type { ReportRow } from '../../record/columns.ts';
import { wireForm } from '../../record/record.ts';
import type { TrackedReport } from '../../record/report.ts';
import { ENDS_AT } from '../trips/conditions.ts';
import { HAS_POSITION, REPORTS } from './rows.ts';
import { thinTrack } from './thin.ts';

/** Place of a record in a lock's list: where the next page begins. */
export interface ReportKey {
  timeMs: number;
  boot: number;
  seq: number;
}

export interface LockReportsQuery {
  lockId: string;
  /** Fix times in [fromMs, toMs), epoch ms. */
  fromMs?: number;
  toMs?: number;
  /** The key of the last record of the page before. */
  after?: ReportKey;
  limit: number;
  /** Only records of trips of these offices, and of no trip; null: all. */
  offices: string[] | null;
}

/** The trip whose record `r` is. Where windows of a lock overlap, that of the one which began last; as `Roster.tripOf`. */
const TRIP_OF_RECORD = `FROM trip_units w JOIN trips t USING (trip_id) WHERE w.lock_id = l.lock_id
  AND w.tracked_from <= r.time AND r.time < coalesce(w.tracked_to, 'infinity') ORDER BY w.tracked_from DESC LIMIT 1`;

const EVER_MS = { from: Date.UTC(1970, 0, 1), to: Date.UTC(2200, 0, 1) };

/** A lock's stored records, oldest first. One more than `limit` where there are more. */
export async function lockReports(db: Queryable, query: LockReportsQuery): Promise<TrackedReport[]> {
  const { after } = query;
  const fromMs = Math.max(query.fromMs ?? EVER_MS.from, after?.timeMs ?? EVER_MS.from);
  const { rows } = await db.query<ReportRow>(
    `SELECT l.lock_id, r.* FROM locks l CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM all_reports r
     WHERE r.lock_no = l.lock_no AND r.time >= to_timestamp($2 / 1000.0) AND r.time < to_timestamp($3 / 1000.0)
       AND ($8::text[] IS NULL OR coalesce((SELECT ${ENDS_AT(8)} ${TRIP_OF_RECORD}), true))
       AND ($4::float8 IS NULL OR (r.time, r.boot, r.number_seq) > (to_timestamp($4 / 1000.0), $5::bigint, $6::bigint))
     ORDER BY r.time, r.boot, r.number_seq LIMIT $7) r WHERE l.lock_id = $1`,
    [
      query.lockId,
      fromMs,
      query.toMs ?? EVER_MS.to,
      after?.timeMs ?? null,
      after?.boot ?? null,
      after?.seq ?? null,
      query.limit + 1,
      query.offices,
    ],
  );
  return rows.map(REPORTS.recordOf);
}

export const keyOf = (record: TrackedReport): ReportKey => ({
  timeMs: record.timeMs,
  boot: record.boot,
  seq: record.seq,
});

/** A record as it was sent (contract §2), and when the platform got it. */
export function sentForm(record: TrackedReport): object {
  return { ...wireForm(record), lockId: record.lockId, receivedAt: new Date(record.receivedMs).toISOString() };
}

interface TrackRow {
  lock_id: string;
  time: Date;
  extra: string;
  [column: string]: unknown;
}

export interface TrackQuery {
  tripId: string;
  fromMs?: number;
  toMs?: number;
  /** Over all locks of the trip. The points of its alarms are kept even beyond it. */
  maxPoints: number;
}

/** The records of a trip are those of its locks between sealing (or takeover) and the end of the trip. */
const TRACK = `SELECT u.lock_id, r.time, r.extra, r.lon, r.lat, r.speed_kmh, r.heading_deg, r.source
  FROM trip_units u JOIN locks l USING (lock_id) CROSS JOIN LATERAL (
    SELECT s.time, s.boot, s.number_seq, s.extra, s.lon, s.lat, s.speed_kmh, s.heading_deg, s.source
    FROM all_reports s WHERE s.lock_no = l.lock_no AND ${HAS_POSITION('s')}
      AND s.time >= greatest(u.tracked_from, to_timestamp($2 / 1000.0))
      AND s.time < least(u.tracked_to, to_timestamp($3 / 1000.0)) OFFSET 0) r
  WHERE u.trip_id = $1 AND u.tracked_from IS NOT NULL ORDER BY u.lock_id, r.time, r.boot, r.number_seq`;

/** Fix times that stand on a trip's alarms: each is the time of a stored record, and its point is never thinned away. */
async function alarmTimesMs(db: Queryable, tripId: string): Promise<Set<number>> {
  const { rows } = await db.query<{ time: Date }>(
    `SELECT DISTINCT unnest(ARRAY[last_inside_at, started_at, confirmed_at, ended_at]) AS time
     FROM alarms WHERE trip_id = $1`,
    [tripId],
  );
  return new Set(rows.flatMap(({ time }) => (time ? [time.getTime()] : [])));
}

/** A point of a track before it has the form of the contract. */
interface StoredPoint {
  lockId: string;
  timeMs: number;
  lon: number;
  lat: number;
  row: TrackRow;
}

const pointOf = (row: TrackRow): StoredPoint => ({
  lockId: row.lock_id,
  timeMs: row.time.getTime(),
  lon: REPORTS.fieldIn(row, 'lon') as number,
  lat: REPORTS.fieldIn(row, 'lat') as number,
  row,
});

/** The stored positions of a trip, lock after lock by fix time, thinned to `maxPoints` (reports-thin.ts). */
export async function tripTrack(
  db: Queryable,
  query: TrackQuery,
): Promise<{ points: TrackPoint[]; thinnedWithinM: number }> {
  const { rows } = await db.query<TrackRow>(TRACK, [
    query.tripId,
    query.fromMs ?? EVER_MS.from,
    query.toMs ?? EVER_MS.to,
  ]);
  const stored = rows.map(pointOf);
  if (stored.length <= query.maxPoints) return { points: byTime(stored), thinnedWithinM: 0 };
  const alarms = await alarmTimesMs(db, query.tripId);
  const kept: StoredPoint[] = [];
  let thinnedWithinM = 0;
  for (const track of tracksByLock(stored)) {
    const fixed = track.flatMap((point, i) => (alarms.has(point.timeMs) ? [i] : []));
    const share = Math.max(2, Math.floor((query.maxPoints * track.length) / stored.length));
    const thin = thinTrack(track, share, fixed);
    thinnedWithinM = Math.max(thinnedWithinM, thin.errorM);
    for (const i of thin.kept) kept.push(track[i]!);
  }
  return { points: byTime(kept), thinnedWithinM };
}

function tracksByLock(points: StoredPoint[]): Iterable<StoredPoint[]> {
  const tracks = new Map<string, StoredPoint[]>();
  for (const point of points) {
    const track = tracks.get(point.lockId);
    if (track) track.push(point);
    else tracks.set(point.lockId, [point]);
  }
  return tracks.values();
}

function byTime(points: StoredPoint[]): TrackPoint[] {
  return points
    .toSorted((a, b) => a.timeMs - b.timeMs || (a.lockId < b.lockId ? -1 : 1))
    .map(({ lockId, timeMs, lon, lat, row }) => {
      const [speedKmh, headingDeg, source] = MORE.map((column) => REPORTS.fieldIn(row, column));
      return {
        lockId,
        time: new Date(timeMs).toISOString(),
        lon,
        lat,
        ...(speedKmh === undefined ? {} : { speedKmh: speedKmh as number }),
        ...(headingDeg === undefined ? {} : { headingDeg: headingDeg as number }),
        ...(source === undefined ? {} : { source: source as NonNullable<TrackPoint['source']> }),
      };
    });
}

const MORE = ['speed_kmh', 'heading_deg', 'source'];
