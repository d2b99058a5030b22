import type { TrackPoint } from '@sealwatch/schemas';
import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { BLOCK_ROWS, type BlockRow } from '../../record/block.ts';
import { wireForm } from '../../record/record.ts';
import type { TrackedReport } from '../../record/report.ts';
import { ENDS_AT } from '../trips/conditions.ts';
import {
  ALL_COLUMNS,
  blocksBetween,
  EVER,
  type FoundRow,
  inTimeOrder,
  onlyColumns,
  rowsAndBlocks,
  rowsWithin,
  unpacked,
} from './blocks.ts';
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

/** Whether a record `r` may be seen by these offices. */
const IS_VISIBLE = (offices: number) => `coalesce((SELECT ${ENDS_AT(offices)} ${TRIP_OF_RECORD}), true)`;

const PAGE = `SELECT l.lock_id, r.* FROM locks l CROSS JOIN LATERAL (${rowsAndBlocks(
  ALL_COLUMNS,
  `all_reports r WHERE r.lock_no = l.lock_no AND r.time >= to_timestamp($2 / 1000.0) AND r.time < to_timestamp($3 / 1000.0)
     AND ($8::text[] IS NULL OR ${IS_VISIBLE(8)})
     AND ($4::float8 IS NULL OR (r.time, r.boot, r.number_seq) > (to_timestamp($4 / 1000.0), $5::bigint, $6::bigint))
   ORDER BY r.time, r.boot, r.number_seq LIMIT $7`,
  `${blocksBetween('l.lock_no', 'to_timestamp($2 / 1000.0)', 'to_timestamp($3 / 1000.0)')} ORDER BY b.first_time LIMIT $9`,
)}) r WHERE l.lock_id = $1`;

/** A lock's stored records, oldest first. One more than `limit` where there are more. */
export async function lockReports(db: Queryable, query: LockReportsQuery): Promise<TrackedReport[]> {
  const found: FoundRow[] = [];
  let { after } = query;
  let fromMs = Math.max(query.fromMs ?? EVER.fromMs, after?.timeMs ?? EVER.fromMs);
  // Days may have one record each, so that the number of blocks says little about that of records.
  for (let blocks = 2 + Math.ceil((2 * query.limit) / BLOCK_ROWS); ; blocks *= 2) {
    const page = await pageFrom(db, query, { fromMs, after, blocks });
    found.push(...page.rows);
    if (found.length > query.limit || page.nextMs === undefined) break;
    fromMs = page.nextMs;
    after = undefined;
  }
  return found.slice(0, query.limit + 1).map(REPORTS.recordOf);
}

interface PagePlace {
  fromMs: number;
  after: ReportKey | undefined;
  /** How many blocks are read at most. */
  blocks: number;
}

/** @returns records in their order, and the time before which they are all; undefined: there are no more */
async function pageFrom(
  db: Queryable,
  query: LockReportsQuery,
  { fromMs, after, blocks }: PagePlace,
): Promise<{ rows: FoundRow[]; nextMs?: number }> {
  const toMs = query.toMs ?? EVER.toMs;
  const key = [after?.timeMs ?? null, after?.boot ?? null, after?.seq ?? null];
  const values = [query.lockId, fromMs, toMs, ...key, query.limit + 1, query.offices, blocks];
  const { rows } = await db.query<FoundRow>(PAGE, values);
  const packed = rows.filter((row) => row.block !== null);
  if (packed.length === 0) return { rows: rows.sort(inTimeOrder) };
  let endMs = EVER.fromMs;
  const isAfter = (row: BlockRow) =>
    after === undefined || inTimeOrder(row, { ...after, time: new Date(after.timeMs) }) > 0;
  const own = unpacked(packed, (block) => {
    endMs = Math.max(endMs, block.lastMs + 1);
    return rowsWithin(block, { fromMs, toMs }).filter(isAfter);
  });
  const all = [...rows.filter((row) => row.block === null), ...(await visible(db, query, own))].sort(inTimeOrder);
  if (packed.length < blocks) return { rows: all };
  return { rows: all.filter((row) => row.time.getTime() < endMs), nextMs: endMs };
}

const VISIBLE_TIMES = `SELECT x.n FROM locks l, unnest($2::float8[]) WITH ORDINALITY AS x(ms, n)
  CROSS JOIN LATERAL (SELECT to_timestamp(x.ms / 1000.0) AS time) r WHERE l.lock_id = $1 AND ${IS_VISIBLE(3)}`;

/** Those of a lock's records that the offices of a query may see. */
async function visible(db: Queryable, { lockId, offices }: LockReportsQuery, rows: FoundRow[]): Promise<FoundRow[]> {
  if (offices === null || rows.length === 0) return rows;
  const times = plainColumn(rows, (row) => row.time.getTime());
  const { rows: seen } = await db.query<{ n: number }>(VISIBLE_TIMES, [lockId, times, offices]);
  const places = new Set(seen.map(({ n }) => n - 1));
  return rows.filter((_, i) => places.has(i));
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

interface TrackRow extends FoundRow {
  from_ms: number;
  to_ms: number;
}

export interface TrackQuery {
  tripId: string;
  fromMs?: number;
  toMs?: number;
  /** Over all locks of the trip. The points of its alarms are kept even beyond it. */
  maxPoints: number;
}

const TRACK_COLUMNS = onlyColumns(['time', 'boot', 'seq', 'extra', 'lon', 'lat', 'speed_kmh', 'heading_deg', 'source']);

/** The records of a trip are those of its locks between sealing (or takeover) and the end of the trip. */
const TRACK = `SELECT u.lock_id, extract(epoch FROM w.since) * 1000 AS from_ms, extract(epoch FROM w.until) * 1000 AS to_ms, r.*
  FROM trip_units u JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT greatest(u.tracked_from, to_timestamp($2 / 1000.0)) AS since,
    least(u.tracked_to, to_timestamp($3 / 1000.0)) AS until) w
  CROSS JOIN LATERAL (${rowsAndBlocks(
    TRACK_COLUMNS,
    `all_reports r WHERE r.lock_no = l.lock_no AND ${HAS_POSITION('r')} AND r.time >= w.since AND r.time < w.until`,
    blocksBetween('l.lock_no', 'w.since', 'w.until'),
  )}) r
  WHERE u.trip_id = $1 AND u.tracked_from IS NOT NULL`;

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
    query.fromMs ?? EVER.fromMs,
    query.toMs ?? EVER.toMs,
  ]);
  const spanOf = ({ from_ms, to_ms }: TrackRow) => ({ fromMs: from_ms, toMs: to_ms });
  const stored = unpacked(rows, (block, row) => rowsWithin(block, spanOf(row), TRACK_COLUMNS.names))
    .sort((a, b) => (a.lock_id === b.lock_id ? inTimeOrder(a, b) : a.lock_id < b.lock_id ? -1 : 1))
    .map(pointOf)
    .filter((point) => point.lon !== undefined);
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
