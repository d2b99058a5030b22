import type { ApprovalAct, Role } from '@sealwatch/schemas';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import type { ApprovalSubject } from '../store/people/approvals.ts';
import { stampOf } from '../store/trips/custody.ts';
import type { Principal } from './principal.ts';

/** An act that two people have to answer for. */
export interface TwoPeopleAct {
  act: ApprovalAct;
  /** The trip that it changes; absent: none. */
  tripId?: string | undefined;
  subject?: ApprovalSubject;
  /** The act's own arguments, with which it is done once it is confirmed. */
  asked: object;
  /** Who may ask and who may confirm. */
  roles: readonly Role[];
  /** What else must stay as it is until the act is confirmed. */
  state?: string | undefined;
}

/** Not a failure: the act waits for a second person. Whoever answers the caller keeps it (`keepApproval`). */
export class ApprovalNeeded extends Error {
  override name = 'ApprovalNeeded';
  readonly ask: TwoPeopleAct & { stamp: string };
  readonly caller: Principal;

  constructor(ask: TwoPeopleAct & { stamp: string }, caller: Principal) {
    super(`${ask.act} waits for a second person`);
    this.ask = ask;
    this.caller = caller;
  }
}

/** @throws ApiProblem 403: keys never count as people */
export function requirePerson(caller: Principal, what: string): void {
  if (caller.kind === 'person') return;
  const todo = 'sign in at /sign-in or POST /api/v1/session and ask with that session; a key is not a person';
  throw new ApiProblem(403, 'person.required', `${what}: ${todo}`);
}

/**
 * Called in the act's transaction, its trip locked, before anything is written.
 * @returns the name of the second person, who has confirmed the act
 * @throws ApprovalNeeded if nobody has yet; ApiProblem 403 where a key asks or the role may not, 409 where the trip is no
 * longer as it was when the act was asked
 */
export async function twoPeople(db: Queryable, caller: Principal, act: TwoPeopleAct): Promise<string> {
  if (caller.kind !== 'person') {
    const todo = 'sign in and ask with that session, then another person confirms in a session of their own';
    throw new ApiProblem(403, 'two-people.required', `two signed-in people answer for this; ${todo}`);
  }
  if (!act.roles.includes(caller.role)) {
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${act.roles.join(', ')} may`);
  }
  const stamp = `${act.tripId === undefined ? '' : await stampOf(db, act.tripId)}|${act.state ?? ''}`;
  const { approved } = caller;
  if (approved === undefined) throw new ApprovalNeeded({ ...act, stamp }, caller);
  if (approved.stamp !== stamp) {
    throw new ApiProblem(409, 'approval.void', 'what was asked has changed meanwhile; ask again');
  }
  return approved.by;
}
