import type { SecondConnection } from '@sealwatch/schemas';
import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';

export interface BridgedRow {
  lock_id: string;
  wire_id: string;
  profile: string;
  networks: string[];
  secret_generation: number;
  secret_hash: Buffer;
}

const BRIDGED = 'profile IS NOT NULL AND retired_at IS NULL';

/** Locks in service that the bridge speaks for, in the order of their ids. */
export async function bridgedLocks(db: Queryable): Promise<BridgedRow[]> {
  const { rows } = await db.query<BridgedRow>(
    `SELECT lock_id, coalesce(wire_id, lock_id) AS wire_id, profile, networks, secret_generation, secret_hash
     FROM locks WHERE ${BRIDGED} ORDER BY lock_id`,
  );
  return rows;
}

/** Changes with everything that the bridge knows of these locks. */
export async function bridgedVersion(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ version: string }>(
    `SELECT md5(coalesce(string_agg(concat_ws('|', lock_id, wire_id, profile, networks::text, encode(secret_hash, 'hex')), ','
       ORDER BY lock_id), '')) AS version FROM locks WHERE ${BRIDGED}`,
  );
  return rows[0]!.version;
}

/** Counts the secret of a bridged lock on. @returns the number of the one from now on */
export async function nextGeneration(db: Queryable, lockId: string): Promise<number> {
  const { rows } = await db.query<{ secret_generation: number }>(
    'UPDATE locks SET secret_generation = secret_generation + 1 WHERE lock_id = $1 RETURNING secret_generation',
    [lockId],
  );
  return rows[0]!.secret_generation;
}

/** Keeps second connections of bridged locks. @returns the trips that the locks were on then */
export async function insertSecondConnections(db: Queryable, rows: readonly SecondConnection[]): Promise<string[]> {
  if (rows.length === 0) return [];
  const found = await db.query<{ trip_id: string }>(
    `WITH told AS (SELECT x.* FROM unnest($1::text[], $2::float8[], $3::text[], $4::text[]) AS x(lock_id, t, was, came)
       JOIN locks l USING (lock_id) WHERE l.profile IS NOT NULL),
     kept AS (INSERT INTO second_connections (lock_id, at, was, came)
       SELECT lock_id, to_timestamp(t / 1000.0), was, came FROM told ON CONFLICT DO NOTHING RETURNING lock_id, at)
     SELECT DISTINCT u.trip_id FROM kept k JOIN trip_units u ON u.lock_id = k.lock_id AND k.at >= u.tracked_from
       AND k.at < coalesce(u.tracked_to, 'infinity')`,
    [
      plainColumn(rows, (row) => row.lockId),
      plainColumn(rows, (row) => Date.parse(row.at)),
      rows.map((row) => row.was),
      rows.map((row) => row.came),
    ],
  );
  return found.rows.map((row) => row.trip_id);
}
