import type { Approval } from '@sealwatch/schemas';
import { z } from 'zod';
import { gateOf } from '../passages/after-passage.ts';
import { approvalOf, auditSubject } from '../people/approvals.ts';
import { isWithin, requireActing, requireOwnGate } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { requirePerson } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { getLock } from '../store/locks/locks.ts';
import { type ApprovalRow, approvalForUpdate, decideApproval } from '../store/people/approvals.ts';
import { audit } from '../store/people/audit.ts';
import { activePerson } from '../store/people/people.ts';
import { getTrip } from '../store/trips/trips.ts';
import { type PerformDeps, perform } from './perform.ts';

const UUID = z.uuid();

/** The office of what it is done to is the caller's. @throws ApiProblem 403, 404 */
async function requireOffice(deps: UseCaseDeps, db: Queryable, row: ApprovalRow, caller: Principal): Promise<void> {
  const { gateId, lockId, person } = row.subject;
  if (row.trip_id !== null) {
    const trip = await getTrip(db, row.trip_id, caller.offices);
    if (trip === undefined) throw notFound('approval', row.approval_id);
    requireActing(caller, trip);
  } else if (gateId !== undefined) {
    requireOwnGate(caller, await gateOf(deps, gateId));
  } else if (person !== undefined) {
    const known = await activePerson(db, person);
    if (known === undefined || !isWithin(caller, known.offices)) throw notFound('approval', row.approval_id);
  } else if (lockId !== undefined && (await getLock(db, lockId, caller.offices)) === undefined) {
    throw notFound('approval', row.approval_id);
  }
}

/** The approval, locked, if the caller may decide on it. @throws ApiProblem 403, 404, 409 */
async function forDecision(
  deps: UseCaseDeps,
  db: Queryable,
  approvalId: string,
  caller: Principal,
): Promise<ApprovalRow> {
  const row = UUID.safeParse(approvalId).success ? await approvalForUpdate(db, approvalId) : undefined;
  if (row === undefined) throw notFound('approval', approvalId);
  await requireOffice(deps, db, row, caller);
  if (!row.roles.includes(caller.role)) {
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${row.roles.join(', ')} may`);
  }
  const state = row.is_expired ? 'expired' : row.state;
  if (state !== 'pending') throw new ApiProblem(409, `approval.${state}`, `this approval is ${state}; ask again`);
  return row;
}

/** Who asked, as it may act now. @throws ApiProblem 409 if its access has ended */
async function askerOf(db: Queryable, row: ApprovalRow, by: string): Promise<Principal> {
  const person = await activePerson(db, row.asked_by);
  if (person === undefined) {
    throw new ApiProblem(409, 'approval.void', `${row.asked_by}, who asked, may not act any more`);
  }
  const { person_id, name, role, offices } = person;
  return { kind: 'person', id: `person:${person_id}`, name, role, offices, approved: { by, stamp: row.stamp } };
}

/**
 * Confirms an act: it is done now, as the person who asked. Where it is refused then, or its trip has changed since, the
 * approval is void.
 * @throws ApiProblem 403 for keys, for the person who asked, and for other roles and offices; 404; 409; and what the act
 * itself is refused with
 */
export async function confirmApproval(deps: PerformDeps, approvalId: string, caller: Principal): Promise<Approval> {
  requirePerson(caller, 'an act is confirmed by a second signed-in person');
  const confirmed = await inTransaction(deps.pool, async (db) => {
    const row = await forDecision(deps, db, approvalId, caller);
    if (row.asked_by === caller.name) {
      throw new ApiProblem(403, 'approval.same-person', 'another person confirms, in a session of their own');
    }
    const entry = { actor: caller.name, action: 'approval.confirm', subject: auditSubject(row) };
    const after = { approvalId, act: row.act, askedBy: row.asked_by };
    await audit(db, { ...entry, before: { state: 'pending' }, after: { ...after, state: 'confirmed' } });
    return decideApproval(db, approvalId, { state: 'confirmed', by: caller.name });
  });
  try {
    await perform(deps, confirmed, await askerOf(deps.pool, confirmed, caller.name));
    return approvalOf(confirmed);
  } catch (error) {
    await undone(deps, confirmed, error, caller.name);
    throw error;
  }
}

/** After an act that failed: its approval is void if the act was refused, and pending again if the platform failed. */
async function undone({ pool }: UseCaseDeps, row: ApprovalRow, error: unknown, by: string): Promise<void> {
  const refused = error instanceof ApiProblem && error.statusCode < 500;
  const reason = refused ? `${error.code}: ${error.message}` : undefined;
  await inTransaction(pool, async (db) => {
    const state = refused ? 'void' : 'pending';
    await decideApproval(db, row.approval_id, { state, by: refused ? by : null, reason });
    const entry = { actor: by, action: 'approval.undone', subject: auditSubject(row) };
    const after = { approvalId: row.approval_id, act: row.act, state, reason };
    await audit(db, { ...entry, before: { state: 'confirmed' }, after });
  });
}

/** Refuses an act; who asked may take it back so. @throws ApiProblem 403, 404, 409 */
export async function refuseApproval(
  deps: UseCaseDeps,
  approvalId: string,
  caller: Principal,
  reason: string,
): Promise<Approval> {
  requirePerson(caller, 'an act is refused by a signed-in person');
  return inTransaction(deps.pool, async (db) => {
    const row = await forDecision(deps, db, approvalId, caller);
    const entry = { actor: caller.name, action: 'approval.refuse', subject: auditSubject(row) };
    const after = { approvalId, act: row.act, askedBy: row.asked_by, state: 'refused', reason };
    await audit(db, { ...entry, before: { state: 'pending' }, after });
    return approvalOf(await decideApproval(db, approvalId, { state: 'refused', by: caller.name, reason }));
  });
}
