import type { Queryable } from '../../postgres/queryable.ts';
import { VISIBLE } from './conditions.ts';
import { type TripView, tripViewSql } from './row.ts';

export interface ConvoyRow {
  convoy_id: string;
  convoy_no: string;
  batch_no: string | null;
  mode: string;
  origin_office: string;
  destination_office: string;
  created_at: Date;
  created_by: string;
  /** How many trips stand in each status. */
  statuses: Record<string, number>;
  reds: number;
}

export async function insertConvoy(
  db: Queryable,
  convoy: {
    convoyId: string;
    convoyNo: string;
    batchNo: string | undefined;
    mode: string;
    originOffice: string;
    destinationOffice: string;
    by: string;
  },
): Promise<void> {
  await db.query(
    `INSERT INTO convoys (convoy_id, convoy_no, batch_no, mode, origin_office, destination_office, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      convoy.convoyId,
      convoy.convoyNo,
      convoy.batchNo ?? null,
      convoy.mode,
      convoy.originOffice,
      convoy.destinationOffice,
      convoy.by,
    ],
  );
}

const SELECT = `SELECT t.*, counts.statuses, counts.reds FROM convoys t, LATERAL (
    SELECT coalesce(json_object_agg(s.status, s.n), '{}'::json) AS statuses, coalesce(sum(s.reds), 0)::int AS reds FROM (
      SELECT status, count(*)::int AS n, count(*) FILTER (WHERE risk = 2) AS reds FROM trips
      WHERE convoy_id = t.convoy_id GROUP BY status) s) counts`;

export async function getConvoy(
  db: Queryable,
  convoyId: string,
  offices: string[] | null,
): Promise<ConvoyRow | undefined> {
  const { rows } = await db.query<ConvoyRow>(`${SELECT} WHERE t.convoy_id = $1 AND ${VISIBLE(2)}`, [convoyId, offices]);
  return rows[0];
}

/** Newest first. @param q part of a train's number or of its batch number */
export async function listConvoys(
  db: Queryable,
  filter: {
    q?: string | undefined;
    offices: string[] | null;
    limit: number;
    after?: { createdAt: string; convoyId: string } | undefined;
  },
): Promise<ConvoyRow[]> {
  const { rows } = await db.query<ConvoyRow>(
    `${SELECT} WHERE ${VISIBLE(1)} AND ($2::text IS NULL OR strpos(t.convoy_no, $2) > 0 OR strpos(t.batch_no, $2) > 0)
       AND ($3::timestamptz IS NULL OR (date_trunc('milliseconds', t.created_at), t.convoy_id) < ($3, $4::uuid))
     ORDER BY date_trunc('milliseconds', t.created_at) DESC, t.convoy_id DESC LIMIT $5`,
    [filter.offices, filter.q ?? null, filter.after?.createdAt ?? null, filter.after?.convoyId ?? null, filter.limit],
  );
  return rows;
}

/** The boxes of a train, in the order of their containers. */
export async function tripsOfConvoy(db: Queryable, convoyId: string): Promise<TripView[]> {
  const { rows } = await db.query<TripView>(
    `${tripViewSql()} WHERE t.convoy_id = $1
     ORDER BY (SELECT min(u.container_no) FROM trip_units u WHERE u.trip_id = t.trip_id)`,
    [convoyId],
  );
  return rows;
}
