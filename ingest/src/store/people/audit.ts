import type { Queryable } from '../../postgres/queryable.ts';
import { ENDS_AT } from '../trips/conditions.ts';

export interface AuditEntry {
  actor: string;
  /** What was done, e.g. `trip.release`. */
  action: string;
  /** What it was done to, e.g. `trip:` and its id. */
  subject: string;
  before?: unknown;
  after?: unknown;
}

export interface AuditRow {
  audit_id: number;
  at: Date;
  actor: string;
  action: string;
  subject: string;
  before: unknown;
  after: unknown;
  /** Its place in the chain; null: it was committed a moment ago and is not linked yet. */
  link_no: number | null;
  prev_hash: Buffer | null;
  hash: Buffer | null;
}

/**
 * Notes what was done, in the transaction that did it. The entry is linked into the chain after COMMIT (`linkAudit`), so
 * that those who write do not wait for one another.
 */
export async function audit(db: Queryable, ...entries: AuditEntry[]): Promise<void> {
  await db.query({
    name: 'audit',
    text: `INSERT INTO audit (at, actor, action, subject, before, after)
      SELECT clock_timestamp(), x.entry ->> 'actor', x.entry ->> 'action', x.entry ->> 'subject', x.entry -> 'before',
        x.entry -> 'after'
      FROM jsonb_array_elements($1) WITH ORDINALITY AS x(entry, n) ORDER BY x.n`,
    values: [JSON.stringify(entries)],
  });
}

/** What people of some offices see: what was done to their trips, to the alarms of these, and at their own gates. */
const OF_OFFICES = `SELECT 'trip:' || t.trip_id FROM trips t WHERE ${ENDS_AT(4)}
  UNION ALL SELECT 'alarm:' || x.alarm_id FROM alarms x JOIN trips t USING (trip_id)
    WHERE ${ENDS_AT(4)}
  UNION ALL SELECT 'gate:' || g.place_id FROM places g WHERE g.feature -> 'properties' ->> 'office' = ANY($4)
  UNION ALL SELECT 'office:' || o FROM unnest($4::text[]) AS o`;

/** Newest first. @param filter `offices` null: everything */
export async function listAudit(
  db: Queryable,
  filter: { subject?: string | undefined; offices: string[] | null; before?: number | undefined; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await db.query<AuditRow>(
    `SELECT * FROM audit WHERE ($1::text IS NULL OR subject = $1) AND ($2::bigint IS NULL OR audit_id < $2)
       AND ($4::text[] IS NULL OR subject IN (${OF_OFFICES}))
     ORDER BY audit_id DESC LIMIT $3`,
    [filter.subject ?? null, filter.before ?? null, filter.limit, filter.offices],
  );
  return rows;
}
