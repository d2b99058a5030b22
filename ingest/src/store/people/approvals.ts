import type { ApprovalAct, Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { VISIBLE } from '../trips/conditions.ts';

/** What an act is done to, beside the trip. */
export interface ApprovalSubject {
  lockId?: string | undefined;
  alarmId?: string | undefined;
  gateId?: string | undefined;
  passageId?: string | undefined;
  /** A person's name. */
  person?: string | undefined;
  /** Of the passage: its id is its gate's and its day's. */
  day?: string | undefined;
}

/** The states are drawn in migration 0015. */
export interface ApprovalRow {
  approval_id: string;
  act: ApprovalAct;
  trip_id: string | null;
  subject: ApprovalSubject;
  asked: Record<string, unknown>;
  roles: Role[];
  stamp: string;
  asked_by: string;
  asked_at: Date;
  expires_at: Date;
  state: 'pending' | 'confirmed' | 'refused' | 'void';
  is_expired: boolean;
  decided_by: string | null;
  decided_at: Date | null;
  reason: string | null;
}

const COLUMNS = `p.*, (p.state = 'pending' AND p.expires_at <= clock_timestamp()) AS is_expired`;

export interface NewApproval {
  act: ApprovalAct;
  tripId: string | null;
  subject: ApprovalSubject;
  asked: object;
  roles: Role[];
  stamp: string;
  by: string;
  lifeMs: number;
}

/** @returns the approval, and whether it is new: the same person asking the same again gets the one that is pending */
export async function insertApproval(db: Queryable, asked: NewApproval): Promise<{ row: ApprovalRow; isNew: boolean }> {
  const { act, tripId, subject, asked: body, roles, stamp, by } = asked;
  const known = await db.query<ApprovalRow>(
    `SELECT ${COLUMNS} FROM approvals p WHERE p.state = 'pending' AND p.expires_at > clock_timestamp() AND p.act = $1
       AND p.trip_id IS NOT DISTINCT FROM $2 AND p.subject = $3 AND p.asked = $4 AND p.stamp = $5 AND p.asked_by = $6`,
    [act, tripId, JSON.stringify(subject), JSON.stringify(body), stamp, by],
  );
  if (known.rows[0]) return { row: known.rows[0], isNew: false };
  const { rows } = await db.query<ApprovalRow>(
    `INSERT INTO approvals AS p (act, trip_id, subject, asked, roles, stamp, asked_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8 * interval '1 millisecond') RETURNING ${COLUMNS}`,
    [act, tripId, JSON.stringify(subject), JSON.stringify(body), roles, stamp, by, asked.lifeMs],
  );
  return { row: rows[0]!, isNew: true };
}

/** The approval, locked until the end of the transaction. */
export async function approvalForUpdate(db: Queryable, approvalId: string): Promise<ApprovalRow | undefined> {
  const { rows } = await db.query<ApprovalRow>(
    `SELECT ${COLUMNS} FROM approvals p WHERE p.approval_id = $1 FOR UPDATE`,
    [approvalId],
  );
  return rows[0];
}

export async function decideApproval(
  db: Queryable,
  approvalId: string,
  decided: { state: ApprovalRow['state']; by: string | null; reason?: string | undefined },
): Promise<ApprovalRow> {
  const { rows } = await db.query<ApprovalRow>(
    `UPDATE approvals p SET state = $2, decided_by = $3, decided_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END,
       reason = $4 WHERE p.approval_id = $1 RETURNING ${COLUMNS}`,
    [approvalId, decided.state, decided.by, decided.reason ?? null],
  );
  return rows[0]!;
}

/** Newest first. One without a trip is for those whom no office binds, and for the office of its gate. */
export async function listApprovals(
  db: Queryable,
  filter: {
    pending: boolean;
    tripId?: string | undefined;
    lockId?: string | undefined;
    offices: string[] | null;
    limit: number;
    after?: { askedAt: string; approvalId: string } | undefined;
  },
): Promise<ApprovalRow[]> {
  const { rows } = await db.query<ApprovalRow>(
    `SELECT ${COLUMNS} FROM approvals p LEFT JOIN trips t USING (trip_id)
       LEFT JOIN places g ON g.place_id = p.subject ->> 'gateId'
     WHERE (${VISIBLE(1)} OR (p.trip_id IS NULL AND g.feature #>> '{properties,office}' = ANY($1)))
       AND (NOT $2 OR (p.state = 'pending' AND p.expires_at > clock_timestamp()))
       AND ($3::uuid IS NULL OR p.trip_id = $3) AND ($4::text IS NULL OR p.subject ->> 'lockId' = $4)
       AND ($5::timestamptz IS NULL OR (date_trunc('milliseconds', p.asked_at), p.approval_id) < ($5, $6::uuid))
     ORDER BY date_trunc('milliseconds', p.asked_at) DESC, p.approval_id DESC LIMIT $7`,
    [
      filter.offices,
      filter.pending,
      filter.tripId ?? null,
      filter.lockId ?? null,
      filter.after?.askedAt ?? null,
      filter.after?.approvalId ?? null,
      filter.limit,
    ],
  );
  return rows;
}
