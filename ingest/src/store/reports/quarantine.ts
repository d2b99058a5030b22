import { plainColumn, quotedColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';

export interface QuarantineInsert {
  lockId: string;
  topic: string;
  reason: string;
  detail: string;
  raw: Buffer;
}

export async function insertQuarantine(db: Queryable, rows: QuarantineInsert[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO quarantine (lock_id, topic, reason, detail, raw)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])`,
    [
      plainColumn(rows, (r) => r.lockId),
      plainColumn(rows, (r) => r.topic),
      plainColumn(rows, (r) => r.reason),
      quotedColumn(rows, (r) => r.detail),
      quotedColumn(rows, (r) => `\\x${r.raw.toString('hex')}`),
    ],
  );
}

/** Bytes that a row takes beside its raw text, roughly. */
export const QUARANTINE_ROW_BYTES = 300;

export async function quarantineBytes(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT coalesce(sum(octet_length(raw) + ${QUARANTINE_ROW_BYTES}), 0)::bigint AS bytes FROM quarantine`,
  );
  return rows[0]?.bytes ?? 0;
}

/** Lets the oldest go until what is left takes at most `mostBytes`; how many went. */
export async function trimQuarantine(db: Queryable, mostBytes: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM quarantine WHERE quarantine_id <= (
       SELECT max(quarantine_id) FROM (
         SELECT quarantine_id, sum(octet_length(raw) + ${QUARANTINE_ROW_BYTES}) OVER (ORDER BY quarantine_id DESC) AS bytes
         FROM quarantine) newest
       WHERE bytes > $1)`,
    [mostBytes],
  );
  return rowCount ?? 0;
}

export interface ConflictInsert {
  lockId: string;
  boot: number;
  seq: number;
  /** Fix time of the record that was stored first, epoch ms. */
  timeMs: number;
}

export async function insertConflicts(db: Queryable, rows: ConflictInsert[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO identity_conflicts (lock_id, boot, seq, time)
     SELECT x.lock_id, x.boot, x.seq, to_timestamp(x.t / 1000.0)
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[]) AS x(lock_id, boot, seq, t)
     ON CONFLICT DO NOTHING`,
    [
      plainColumn(rows, (r) => r.lockId),
      plainColumn(rows, (r) => r.boot),
      plainColumn(rows, (r) => r.seq),
      plainColumn(rows, (r) => r.timeMs),
    ],
  );
}
