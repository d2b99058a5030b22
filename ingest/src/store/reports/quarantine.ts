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

/** Junk of one lock that is kept, bytes, rows included. */
export const JUNK_BYTES_OF_LOCK = 2 ** 20;

/** Reasons of what cannot be read as a record. */
const JUNK = ['not-json', 'too-deep', 'too-large', 'too-many', 'empty', 'invalid', 'unstorable'] as const;
const JUNK_REASONS: ReadonlySet<string> = new Set(JUNK);
const IS_JUNK = `reason IN (${JUNK.map((reason) => `'${reason}'`).join(', ')})`;

export const isJunk = (reason: string): boolean => JUNK_REASONS.has(reason);

/** The junk of these locks, absent: of all: its bytes, and the SHA-256 by which the same bytes are known again, in hex. */
export async function junkHeld(
  db: Queryable,
  lockIds?: string[],
): Promise<{ lock_id: string; bytes: number; hash: string }[]> {
  const { rows } = await db.query<{ lock_id: string; bytes: number; hash: string }>(
    `SELECT lock_id, octet_length(raw) + ${QUARANTINE_ROW_BYTES} AS bytes, encode(sha256(raw), 'hex') AS hash
     FROM quarantine WHERE ${IS_JUNK} AND ($1::text[] IS NULL OR lock_id = ANY ($1))`,
    [lockIds ?? null],
  );
  return rows;
}

/** Bytes of junk that one lock has in quarantine. */
export async function junkOfLock(db: Queryable, lockId: string): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT coalesce(sum(octet_length(raw) + ${QUARANTINE_ROW_BYTES}), 0)::bigint AS bytes
     FROM quarantine WHERE lock_id = $1 AND ${IS_JUNK}`,
    [lockId],
  );
  return rows[0]?.bytes ?? 0;
}

/** Deletes junk of a lock for good; how many rows. What can be read as a record stays. */
export async function discardJunk(db: Queryable, lockId: string): Promise<number> {
  const { rowCount } = await db.query(`DELETE FROM quarantine WHERE lock_id = $1 AND ${IS_JUNK}`, [lockId]);
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
