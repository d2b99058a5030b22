import type { Queryable } from '../../postgres/queryable.ts';
import { ENDS_AT, IS_OPEN } from '../trips/conditions.ts';

export interface QuarantineRow {
  quarantine_id: number;
  at: Date;
  lock_id: string;
  topic: string;
  reason: string;
  detail: string;
  raw: Buffer;
}

/** @param parameter true: of simulated locks alone */
const OF_SIMULATED = (parameter: number) =>
  `(NOT $${parameter}::boolean OR EXISTS (SELECT 1 FROM locks l WHERE l.lock_id = quarantine.lock_id AND l.simulated))`;

/** People of some offices see what locks on their own open trips sent; null sees everything, `[]` nothing. */
const VISIBLE = (parameter: number) =>
  `($${parameter}::text[] IS NULL OR EXISTS (SELECT 1 FROM trip_units u JOIN trips t USING (trip_id)
    WHERE u.lock_id = quarantine.lock_id AND ${IS_OPEN()}
      AND ${ENDS_AT(parameter)}))`;

export interface QuarantineFilter {
  offices: string[] | null;
  /** Of locks alone that testers registered. */
  simulatedOnly?: boolean;
  lockId?: string | undefined;
  reason?: string | undefined;
  /** When it was refused, in [from, to). */
  from?: Date | undefined;
  to?: Date | undefined;
}

const MATCHES = `($1::text IS NULL OR lock_id = $1) AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)`;

const valuesOf = ({ lockId, reason, from, to }: QuarantineFilter) =>
  [lockId, reason, from, to].map((value) => value ?? null);

/** What was refused, newest first. */
export async function listQuarantine(
  db: Queryable,
  filter: QuarantineFilter & { before?: number | undefined; limit: number },
): Promise<QuarantineRow[]> {
  const { rows } = await db.query<QuarantineRow>(
    `SELECT * FROM quarantine WHERE ${MATCHES} AND ($5::bigint IS NULL OR quarantine_id < $5) AND ${VISIBLE(7)}
     ORDER BY quarantine_id DESC LIMIT $6`,
    [...valuesOf(filter), filter.before ?? null, filter.limit, filter.offices],
  );
  return rows;
}

/** As `listQuarantine`, in the order in which it was refused, beyond `after`. */
export async function oldestQuarantine(
  db: Queryable,
  filter: QuarantineFilter & { after?: number | undefined; limit: number },
): Promise<QuarantineRow[]> {
  const { rows } = await db.query<QuarantineRow>(
    `SELECT * FROM quarantine WHERE ${MATCHES} AND ($5::bigint IS NULL OR quarantine_id > $5) AND ${VISIBLE(7)}
       AND ${OF_SIMULATED(8)}
     ORDER BY quarantine_id LIMIT $6`,
    [...valuesOf(filter), filter.after ?? null, filter.limit, filter.offices, filter.simulatedOnly ?? false],
  );
  return rows;
}

export async function getQuarantine(
  db: Queryable,
  quarantineId: number,
  offices: string[] | null,
  simulatedOnly = false,
): Promise<QuarantineRow | undefined> {
  const { rows } = await db.query<QuarantineRow>(
    `SELECT * FROM quarantine WHERE quarantine_id = $1 AND ${VISIBLE(2)} AND ${OF_SIMULATED(3)}`,
    [quarantineId, offices, simulatedOnly],
  );
  return rows[0];
}

/** How many locks were refused for a reason within five minutes of a time. */
export async function locksRefusedAround(db: Queryable, at: Date, reason: string): Promise<number> {
  const { rows } = await db.query<{ locks: number }>(
    `SELECT count(DISTINCT lock_id) AS locks FROM quarantine
     WHERE reason = $2 AND at BETWEEN $1::timestamptz - interval '5 min' AND $1::timestamptz + interval '5 min'`,
    [at, reason],
  );
  return rows[0]?.locks ?? 0;
}

/** Why a publish was refused the last time that these very bytes came. */
export async function newestRefusal(
  db: Queryable,
  lockId: string,
  raw: Buffer,
): Promise<Pick<QuarantineRow, 'reason' | 'detail'> | undefined> {
  const { rows } = await db.query<Pick<QuarantineRow, 'reason' | 'detail'>>(
    'SELECT reason, detail FROM quarantine WHERE lock_id = $1 AND raw = $2 ORDER BY quarantine_id DESC LIMIT 1',
    [lockId, raw],
  );
  return rows[0];
}

export async function deleteQuarantine(db: Queryable, quarantineIds: number[]): Promise<void> {
  if (quarantineIds.length === 0) return;
  await db.query('DELETE FROM quarantine WHERE quarantine_id = ANY ($1::bigint[])', [quarantineIds]);
}
