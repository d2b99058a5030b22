import type { Queryable } from './queryable.ts';

export interface QuarantineRow {
  quarantine_id: number;
  at: Date;
  lock_id: string;
  topic: string;
  reason: string;
  detail: string;
  raw: Buffer;
}

/** What was refused, newest first. */
export async function listQuarantine(
  db: Queryable,
  filter: { lockId?: string | undefined; before?: number | undefined; limit: number },
): Promise<QuarantineRow[]> {
  const { rows } = await db.query<QuarantineRow>(
    `SELECT * FROM quarantine WHERE ($1::text IS NULL OR lock_id = $1) AND ($2::bigint IS NULL OR quarantine_id < $2)
     ORDER BY quarantine_id DESC LIMIT $3`,
    [filter.lockId ?? null, filter.before ?? null, filter.limit],
  );
  return rows;
}
