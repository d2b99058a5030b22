import type { Approval } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { isoField, isoOf } from '../postgres/iso.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { type ApprovalRow, insertApproval } from '../store/people/approvals.ts';
import { audit } from '../store/people/audit.ts';
import type { ApprovalNeeded } from './two-people.ts';

/** How long a second person has to confirm. */
export const APPROVAL_MS = 15 * 60_000;

export function approvalOf(row: ApprovalRow): Approval {
  return {
    approvalId: row.approval_id,
    act: row.act,
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    ...row.subject,
    asked: row.asked,
    roles: row.roles,
    askedBy: row.asked_by,
    askedAt: isoOf(row.asked_at),
    expiresAt: isoOf(row.expires_at),
    state: row.is_expired ? 'expired' : row.state,
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...isoField('decidedAt', row.decided_at),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}

/** What the audit says it was done to: the trip, so that its story has it, or the person, lock, alarm or gate. */
export function auditSubject({ trip_id: tripId, subject }: ApprovalRow): string {
  if (tripId !== null) return `trip:${tripId}`;
  if (subject.person !== undefined) return `person:${subject.person}`;
  if (subject.lockId !== undefined) return `lock:${subject.lockId}`;
  return subject.alarmId === undefined ? `gate:${subject.gateId}` : `alarm:${subject.alarmId}`;
}

/** Keeps an act that waits for a second person; asked again, it is the same approval. */
export async function keepApproval(pool: Pool, { ask, caller }: ApprovalNeeded): Promise<Approval> {
  const { act, tripId = null, subject = {}, asked, roles, stamp } = ask;
  return inTransaction(pool, async (db) => {
    const { row, isNew } = await insertApproval(db, {
      act,
      tripId,
      subject,
      asked,
      roles: [...roles],
      stamp,
      by: caller.name,
      lifeMs: APPROVAL_MS,
    });
    if (isNew) {
      const after = { approvalId: row.approval_id, act, ...subject, asked };
      await audit(db, { actor: caller.name, action: 'approval.ask', subject: auditSubject(row), after });
    }
    return approvalOf(row);
  });
}
