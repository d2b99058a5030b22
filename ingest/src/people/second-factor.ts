import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import type { SecretBox } from '../secret-box.ts';
import { audit } from '../store/people/audit.ts';
import { type PersonRow, personForUpdate } from '../store/people/people.ts';
import {
  noteStep,
  putRecoveryCodes,
  putSecondFactor,
  recoveryCodesLeft,
  removeSecondFactor,
  secondFactorForUpdate,
  useRecoveryCode,
} from '../store/people/second-factors.ts';
import { countWrongCode, endSignIns, finishSession } from '../store/people/sessions.ts';
import { isWithin } from './offices.ts';
import type { Principal } from './principal.ts';
import { ADMINS, isOfficer } from './roles.ts';
import { hashSecret, newToken } from './secret.ts';
import { SESSION_MS, type Session } from './sign-in.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { hashRecoveryCode, newRecoveryCodes, newTotpSecret, stepOf, totpUri } from './totp.ts';
import { requirePerson, twoPeople } from './two-people.ts';

export interface SecondFactorDeps extends Pick<UseCaseDeps, 'pool' | 'hints'> {
  /** Seals the secrets of authenticators. */
  factorSecrets: SecretBox;
  limits: SignInLimits;
}

/** Of one session; then it ends, and the password is wanted again. */
const WRONG_CODES_AT_MOST = 5;

type Factor = 'totp' | 'recovery code';

/** The person of a session. @throws ApiProblem 403 for keys, 401 */
async function ownRow(db: Queryable, caller: Principal): Promise<PersonRow & { sessionId: string }> {
  requirePerson(caller, 'a second factor is a person’s');
  const row = await personForUpdate(db, caller.name);
  if (row === undefined || caller.sessionId === undefined) {
    throw new ApiProblem(401, 'auth.session-ended', 'this session has ended; sign in again');
  }
  return { ...row, sessionId: caller.sessionId };
}

/** The secret behind a stored one. @throws ApiProblem 409 where the key file is not the one of the enrolment */
function opened(secrets: SecretBox, sealed: Buffer): string {
  try {
    return secrets.open(sealed);
  } catch {
    const todo = 'use a recovery code, or have an administrator reset your second factor';
    throw new ApiProblem(409, 'second-factor.key', `the platform has another key file than at the enrolment: ${todo}`);
  }
}

/**
 * Takes a code of somebody's authenticator, or a recovery code: each once.
 * @returns undefined where it is wrong or was used
 */
async function take(db: Queryable, secrets: SecretBox, personId: string, code: string): Promise<Factor | undefined> {
  const factor = await secondFactorForUpdate(db, personId);
  if (factor === undefined || factor.confirmed_at === null) return undefined;
  if (await useRecoveryCode(db, personId, hashRecoveryCode(code))) return 'recovery code';
  if (!/\d/.test(code)) return undefined;
  const step = stepOf(opened(secrets, factor.secret), code, Number(factor.last_step), Date.now());
  if (step === undefined) return undefined;
  await noteStep(db, personId, step);
  return 'totp';
}

const wrongCode = () =>
  new ApiProblem(403, 'second-factor.wrong', 'this code is wrong, too old, or was used; wait for the next one');

/** Takes a code of the caller's, counted with the wrong passwords. @throws ApiProblem 403; TooManyAttempts */
async function requireCode(
  { pool, factorSecrets, limits }: SecondFactorDeps,
  caller: Principal,
  { code, address }: { code: string; address: string },
): Promise<Factor> {
  const check = () =>
    inTransaction(pool, async (db) => take(db, factorSecrets, (await ownRow(db, caller)).person_id, code));
  const factor = await limits.attempt(caller.name, address, check);
  if (factor === undefined) throw wrongCode();
  return factor;
}

/** A session that has shown its second factor lasts 12 h, under another token than before. */
async function finish(db: Queryable, sessionId: string): Promise<Session> {
  const token = newToken();
  const expiresAt = new Date(Date.now() + SESSION_MS);
  if (!(await finishSession(db, sessionId, { tokenHash: hashSecret(token), expiresAt }))) {
    throw new ApiProblem(401, 'auth.session-ended', 'this session has ended; sign in again');
  }
  return { token, expiresAt };
}

/**
 * Finishes a sign-in by a code.
 * @throws ApiProblem 403 where it is wrong, 401 after the fifth of a session, 409 where none is wanted; TooManyAttempts
 */
export async function finishByCode(
  deps: SecondFactorDeps,
  caller: Principal,
  given: { code: string; address: string },
): Promise<Session> {
  if (caller.needs !== 'code') throw new ApiProblem(409, 'second-factor.not-wanted', 'this session wants no code');
  const { pool } = deps;
  try {
    const factor = await requireCode(deps, caller, given);
    return await inTransaction(pool, async (db) => {
      const { person_id: personId, name, sessionId } = await ownRow(db, caller);
      const left = await recoveryCodesLeft(db, personId);
      const entry = { actor: name, action: 'session.second-factor', subject: `person:${name}` };
      await audit(db, { ...entry, after: { by: factor, recoveryCodesLeft: left, address: given.address } });
      return finish(db, sessionId);
    });
  } catch (error) {
    const isWrong = error instanceof ApiProblem && error.code === 'second-factor.wrong';
    if (isWrong && caller.sessionId !== undefined) {
      const ended = await countWrongCode(pool, caller.sessionId, WRONG_CODES_AT_MOST);
      if (ended) throw new ApiProblem(401, 'auth.session-ended', 'too many wrong codes; sign in again');
    }
    throw error;
  }
}

export interface Enrolment {
  /** In base 32, to be typed where no QR code can be read. */
  secret: string;
  /** `otpauth://…`, for the QR code. */
  uri: string;
}

/** Begins an enrolment: the secret is shown this once. @throws ApiProblem 409 if there is a second factor already */
export async function enrol({ pool, factorSecrets }: SecondFactorDeps, caller: Principal): Promise<Enrolment> {
  const secret = newTotpSecret();
  await inTransaction(pool, async (db) => {
    const { person_id: personId, name } = await ownRow(db, caller);
    if (!(await putSecondFactor(db, personId, factorSecrets.seal(secret)))) {
      throw new ApiProblem(409, 'second-factor.enrolled', 'there is a second factor already; remove it first');
    }
    await audit(db, { actor: name, action: 'second-factor.begin', subject: `person:${name}` });
  });
  return { secret, uri: totpUri(secret, caller.name) };
}

async function giveRecoveryCodes(db: Queryable, personId: string): Promise<string[]> {
  const codes = newRecoveryCodes();
  await putRecoveryCodes(db, personId, codes.map(hashRecoveryCode));
  return codes;
}

/**
 * Confirms an enrolment by a code. The caller's session counts as signed in with it; all others want a code from now on.
 * @returns recovery codes, shown this once
 * @throws ApiProblem 403 where the code is wrong, 409 where no enrolment was begun
 */
export async function confirmEnrolment(
  { pool, hints, factorSecrets }: SecondFactorDeps,
  caller: Principal,
  code: string,
): Promise<{ recoveryCodes: string[]; session: Session }> {
  const confirmed = await inTransaction(pool, async (db) => {
    const { person_id: personId, name, sessionId } = await ownRow(db, caller);
    const factor = await secondFactorForUpdate(db, personId);
    if (factor === undefined || factor.confirmed_at !== null) {
      throw new ApiProblem(409, 'second-factor.not-begun', 'begin with POST /account/second-factor');
    }
    const step = stepOf(opened(factorSecrets, factor.secret), code, Number(factor.last_step), Date.now());
    if (step === undefined) throw wrongCode();
    await noteStep(db, personId, step);
    await audit(db, { actor: name, action: 'second-factor.enrol', subject: `person:${name}` });
    return { recoveryCodes: await giveRecoveryCodes(db, personId), session: await finish(db, sessionId) };
  });
  await hints.publish({ hint: 'access' });
  return confirmed;
}

/** New recovery codes in the place of all of before. @throws ApiProblem 403 where the code is wrong; TooManyAttempts */
export async function renewRecoveryCodes(
  deps: SecondFactorDeps,
  caller: Principal,
  given: { code: string; address: string },
): Promise<string[]> {
  await requireCode(deps, caller, given);
  return inTransaction(deps.pool, async (db) => {
    const { person_id: personId, name } = await ownRow(db, caller);
    await audit(db, { actor: name, action: 'second-factor.recovery-codes', subject: `person:${name}` });
    return giveRecoveryCodes(db, personId);
  });
}

/** Takes the caller's own second factor away. @throws ApiProblem 403 where the code is wrong; TooManyAttempts */
export async function removeOwnFactor(
  deps: SecondFactorDeps,
  caller: Principal,
  given: { code: string; address: string },
): Promise<void> {
  await requireCode(deps, caller, given);
  await inTransaction(deps.pool, async (db) => {
    const { person_id: personId, name } = await ownRow(db, caller);
    await removeSecondFactor(db, personId);
    await audit(db, { actor: name, action: 'second-factor.remove', subject: `person:${name}` });
  });
  await deps.hints.publish({ hint: 'access' });
}

/**
 * Takes away the second factor of somebody who has lost it; every session and link of theirs ends. Of a supervisor or an
 * admin two admins answer for it.
 * @throws ApiProblem 403 for keys and for oneself, 404, 409 where there is none; ApprovalNeeded
 */
export async function resetSecondFactor(
  { pool, hints }: Pick<UseCaseDeps, 'pool' | 'hints'>,
  caller: Principal,
  name: string,
): Promise<void> {
  requirePerson(caller, 'a second factor is reset by a signed-in administrator');
  await inTransaction(pool, async (db) => {
    const row = await personForUpdate(db, name);
    if (row === undefined || !isWithin(caller, row.offices)) throw notFound('user', name);
    const factor = await secondFactorForUpdate(db, row.person_id);
    const state = factor?.confirmed_at?.toISOString();
    if (state === undefined) throw new ApiProblem(409, 'second-factor.none', `${name} has no second factor`);
    const act = { act: 'second-factor.reset' as const, subject: { person: name }, asked: {}, roles: ADMINS, state };
    if (name === caller.name) throw ownReset();
    const second = isOfficer(row.role) ? await twoPeople(db, caller, act) : undefined;
    if (second === name) throw ownReset();
    await takeAway(db, row, caller.name, second);
  });
  await hints.publish({ hint: 'access' });
}

const ownReset = () =>
  new ApiProblem(403, 'second-factor.own', 'other administrators reset it; who can sign in removes it');

/** @param actor who does it, as the audit names them @returns whether there was one */
export async function takeAway(db: Queryable, row: PersonRow, actor: string, second?: string): Promise<boolean> {
  const had = await removeSecondFactor(db, row.person_id);
  await endSignIns(db, row.person_id);
  const entry = { actor, action: 'second-factor.reset', subject: `person:${row.name}` };
  const after = { secondFactor: false, ...(second === undefined ? {} : { secondPerson: second }) };
  if (had) await audit(db, { ...entry, before: { secondFactor: true }, after });
  return had;
}
