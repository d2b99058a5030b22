import type { LockSignIn } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { IS_OPEN, VISIBLE } from '../trips/conditions.ts';

export interface LockRow {
  lock_id: string;
  model: string;
  simulated: boolean;
  profile: string | null;
  wire_id: string | null;
  numbered: boolean;
  networks: string[];
  created_at: Date;
  retired_at: Date | null;
  blocked_reason: string | null;
  blocked_by: string | null;
  last_time: Date | null;
  last_received: Date | null;
  last_report: Record<string, unknown> | null;
  last_fix: Record<string, unknown> | null;
  /** Values left out of its records, and the newest that was written down. */
  left_out_count: number;
  left_out: { field: string; value: string; expected: string; at: string } | null;
  /** The trip that holds the lock now. */
  trip_id: string | null;
}

/** The open trip of a lock aliased `l`; the last one declared where data of old times holds several. */
const TRIP = `LEFT JOIN LATERAL (
  SELECT t.trip_id, t.origin_office, t.destination_office FROM trip_units u JOIN trips t USING (trip_id)
  WHERE u.lock_id = l.lock_id AND ${IS_OPEN()} ORDER BY t.created_at DESC LIMIT 1) t ON true`;

const COLUMNS = `l.lock_id, l.model, l.simulated, l.profile, l.wire_id, l.numbered, l.networks, l.created_at, l.retired_at, l.blocked_reason, l.blocked_by, l.last_time, l.last_received, l.last_report, lock_fix(l) AS last_fix,
  l.left_out_count, l.left_out,
  t.trip_id`;

/** Registers locks; answers those that were new. */
export async function insertLocks(
  db: Queryable,
  locks: {
    lockId: string;
    model: string;
    simulated?: boolean | undefined;
    secretHash: Buffer;
    signIn?: LockSignIn;
    pins?: string[] | undefined;
    profile?: string | undefined;
    wireId?: string | undefined;
    networks?: string[] | undefined;
    numbered?: boolean | undefined;
  }[],
): Promise<string[]> {
  const { rows } = await db.query<{ lock_id: string }>(
    `INSERT INTO locks (lock_id, model, secret_hash, simulated, sign_in, certificate_pins, profile, wire_id, networks, numbered)
     SELECT x.id, x.model, x.hash, x.simulated, x.sign_in, string_to_array(x.pins, ','), x.profile, x.wire_id,
       string_to_array(x.networks, ','), x.numbered
     FROM unnest($1::text[], $2::text[], $3::bytea[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
       $10::boolean[]) AS x(id, model, hash, simulated, sign_in, pins, profile, wire_id, networks, numbered) ON CONFLICT DO NOTHING RETURNING lock_id`,
    [
      locks.map((l) => l.lockId),
      locks.map((l) => l.model),
      locks.map((l) => l.secretHash),
      locks.map((l) => l.simulated ?? false),
      locks.map((l) => l.signIn ?? 'secret'),
      locks.map((l) => l.pins?.join(',') ?? ''),
      locks.map((l) => l.profile ?? null),
      locks.map((l) => l.wireId ?? null),
      locks.map((l) => l.networks?.join(',') ?? ''),
      locks.map((l) => l.numbered ?? true),
    ],
  );
  return rows.map((row) => row.lock_id);
}

export async function existingLocks(db: Queryable, lockIds: string[]): Promise<string[]> {
  const { rows } = await db.query<{ lock_id: string }>('SELECT lock_id FROM locks WHERE lock_id = ANY($1)', [lockIds]);
  return rows.map((row) => row.lock_id);
}

/** Which of these ids bridged locks in service bear on the wire. */
export async function existingWireIds(db: Queryable, wireIds: string[]): Promise<string[]> {
  if (wireIds.length === 0) return [];
  const { rows } = await db.query<{ wire_id: string }>(
    `SELECT coalesce(wire_id, lock_id) AS wire_id FROM locks
     WHERE profile IS NOT NULL AND retired_at IS NULL AND coalesce(wire_id, lock_id) = ANY($1)`,
    [wireIds],
  );
  return rows.map((row) => row.wire_id);
}

export interface LockOnFile {
  retired: boolean;
  simulated: boolean;
  /** A bridge speaks for it. */
  bridged: boolean;
}

/** What is on file of locks, by id. */
export async function lockStates(db: Queryable, lockIds: string[]): Promise<Map<string, LockOnFile>> {
  const { rows } = await db.query<LockOnFile & { lock_id: string }>(
    'SELECT lock_id, retired_at IS NOT NULL AS retired, simulated, profile IS NOT NULL AS bridged FROM locks WHERE lock_id = ANY($1)',
    [lockIds],
  );
  return new Map(rows.map(({ lock_id: lockId, ...lock }) => [lockId, lock]));
}

/** Puts a lock on the black list, or with null takes it off. */
export async function blockLock(
  db: Queryable,
  lockId: string,
  block: { reason: string; by: string } | null,
): Promise<void> {
  await db.query('UPDATE locks SET blocked_reason = $2, blocked_by = $3 WHERE lock_id = $1', [
    lockId,
    block?.reason ?? null,
    block?.by ?? null,
  ]);
}

export async function getLock(db: Queryable, lockId: string, offices: string[] | null): Promise<LockRow | undefined> {
  const { rows } = await db.query<LockRow>(
    `SELECT ${COLUMNS} FROM locks l ${TRIP} WHERE l.lock_id = $1 AND ${VISIBLE(2)}`,
    [lockId, offices],
  );
  return rows[0];
}

/** In the order of their ids. */
export async function listLocks(
  db: Queryable,
  filter: { offices: string[] | null; q?: string | undefined; after?: string | undefined; limit: number },
): Promise<LockRow[]> {
  const { rows } = await db.query<LockRow>(
    `SELECT ${COLUMNS} FROM locks l ${TRIP}
     WHERE ${VISIBLE(1)} AND ($2::text IS NULL OR l.lock_id > $2) AND ($3::text IS NULL OR strpos(l.lock_id, $3) > 0)
     ORDER BY l.lock_id LIMIT $4`,
    [filter.offices, filter.after ?? null, filter.q ?? null, filter.limit],
  );
  return rows;
}

/** Every lock that is not retired, for the live feed. */
export async function wallLocks(db: Queryable, lockIds?: string[]): Promise<LockRow[]> {
  const { rows } = await db.query<LockRow>(
    `SELECT ${COLUMNS} FROM locks l ${TRIP}
     WHERE l.retired_at IS NULL AND ($1::text[] IS NULL OR l.lock_id = ANY($1)) ORDER BY l.lock_id`,
    [lockIds ?? null],
  );
  return rows;
}

export async function retireLock(db: Queryable, lockId: string): Promise<void> {
  await db.query('UPDATE locks SET retired_at = coalesce(retired_at, now()) WHERE lock_id = $1', [lockId]);
}

/** The slots of locks; unknown ones are left out. */
export async function slotsOfLocks(db: Queryable, lockIds: string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ lock_id: string; slot: number }>(
    'SELECT lock_id, slot FROM locks WHERE lock_id = ANY($1)',
    [lockIds],
  );
  return new Map(rows.map(({ lock_id, slot }) => [lock_id, slot]));
}
