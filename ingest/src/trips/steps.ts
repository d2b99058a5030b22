import type { Check, StepName } from '@sealwatch/schemas';
import { z } from 'zod';
import {
  hangChecks,
  type LockFacts,
  type Reading,
  sealChecks,
  unlockChecks,
  unlockedCheck,
  verifyChecks,
} from '../custody/checks.ts';
import { type Waiver, waive } from '../custody/steps.ts';
import type { Principal } from '../people/principal.ts';
import { OFFICERS } from '../people/roles.ts';
import { requirePerson, twoPeople } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, wrongField } from '../problem.ts';
import { cancelCommands } from '../store/locks/commands.ts';
import { audit } from '../store/people/audit.ts';
import { type TripChange, trackFrom, trackTo } from '../store/trips/changes.ts';
import { latchedOf } from '../store/trips/custody.ts';
import type { TripView } from '../store/trips/row.ts';
import { checksOf, commandEach, record, requirePassed, stepDone, tripForAct, tripForStep } from './acting.ts';
import { wake } from './after-change.ts';
import { lockFacts, stepFacts } from './step-facts.ts';
import { visibleTrip } from './visible.ts';

const CONFIRM_WITHIN_MS = 10_000;
const POLL_MS = 200;

export const StepRequest = z.object({
  /** What was read where the step happens; absent: the caller vouches for it. */
  read: z
    .object({
      plate: z.string().max(20).optional(),
      containers: z.array(z.string().max(20)).max(2).optional(),
      lockIds: z.array(z.string().max(20)).max(2).optional(),
    })
    .optional(),
  /** Checks to be waived, by a supervisor, with the reason. */
  waive: z
    .array(z.object({ check: z.string().max(40), reason: z.string().min(1).max(500) }))
    .max(20)
    .default([]),
});
export type StepAsked = z.output<typeof StepRequest>;

export function askedReading({ read }: StepAsked): { read?: Reading } {
  if (read === undefined) return {};
  return {
    read: {
      ...(read.plate === undefined ? {} : { plate: read.plate }),
      ...(read.containers === undefined ? {} : { containers: read.containers }),
      ...(read.lockIds === undefined ? {} : { lockIds: read.lockIds }),
    },
  };
}

/** The step at which checks are waived, and its trip. */
interface Waiving {
  act: 'hang' | 'seal' | 'verify' | 'write-off' | 'unlock';
  tripId: string;
  simulated: boolean;
}

/**
 * The checks with what the caller waives. Alarms of a red trip are waived by two people, as at a gate.
 * @throws ApiProblem 403 or 422; ApprovalNeeded
 */
export async function waivedBy(
  db: Queryable,
  checks: Check[],
  asked: StepAsked,
  caller: Principal,
  { act, tripId, simulated }: Waiving,
): Promise<Check[]> {
  const waivers: Waiver[] = asked.waive;
  if (waivers.length > 0 && !(OFFICERS as readonly string[]).includes(caller.role)) {
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not waive a check; ${OFFICERS.join(', ')} may`);
  }
  const unknown = waivers.findIndex((w) => !checks.some((check) => check.check === w.check));
  if (unknown >= 0) {
    const expected = checks.map((check) => check.check).join(' | ');
    const value = waivers[unknown]?.check;
    throw new ApiProblem(422, 'request.invalid', `waive[${unknown}].check: is no check of this step`, [
      { path: `waive[${unknown}].check`, message: 'is no check of this step', value, expected },
    ]);
  }
  const red = checks.some((check) => check.check === 'alarms' && !check.passed);
  const two = red && waivers.some((waiver) => waiver.check === 'alarms');
  const second =
    two && act !== 'hang' && act !== 'seal'
      ? await twoPeople(db, caller, { act: `trip.${act}`, tripId, asked, roles: OFFICERS })
      : undefined;
  // Without its checks a step opens a lock anywhere: a person answers for that.
  if (waivers.length > 0 && !simulated) requirePerson(caller, 'a person waives a check');
  return waive(checks, waivers, second === undefined ? caller.name : `${caller.name}, ${second}`);
}

/** Waits, outside any transaction, until the locks have confirmed or the time is over. */
async function confirmed(deps: UseCaseDeps, row: TripView, what: (lock: LockFacts) => boolean): Promise<void> {
  const until = Date.now() + (deps.config.confirmWithinMs ?? CONFIRM_WITHIN_MS);
  while (Date.now() < until) {
    if ((await lockFacts({ pool: deps.pool, db: deps.pool }, row, 'origin')).every(what)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export interface Acted {
  step: string;
  checks: Check[];
  row: TripView;
}

/** The answer to a step that is taken already: the checks that were made then. */
const taken = (row: TripView, step: StepName): Acted => ({ step, checks: checksOf(row, step), row });

/** Takes a step whose checks hold. */
async function take(
  db: Queryable,
  row: TripView,
  step: { act: 'hang' | 'seal' | 'verify' | 'unlock'; by: string; change: TripChange },
  checks: Check[],
): Promise<Acted> {
  return { step: step.act, checks, row: await record(db, row, { ...step, detail: { checks } }) };
}

export async function release(deps: UseCaseDeps, tripId: string, caller: Principal): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const { row, done } = await tripForStep(db, tripId, caller, 'release');
    if (done) return { step: 'release', checks: [], row };
    return { step: 'release', checks: [], row: await record(db, row, { act: 'release', by: caller.name, change: {} }) };
  });
}

/** Hanging already asks the lock for the in-transit interval, so that it is confirmed by the time of sealing. */
export async function hang(deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const acted = await inTransaction(deps.pool, async (db) => {
    const { row, done } = await tripForStep(db, tripId, caller, 'hang');
    if (done) return taken(row, 'hang');
    const facts = await stepFacts({ pool: deps.pool, db }, row, 'origin', { by: caller.name, ...askedReading(asked) });
    const checks = await waivedBy(db, hangChecks(facts), asked, caller, {
      act: 'hang',
      tripId: row.trip_id,
      simulated: row.simulated,
    });
    requirePassed('hang', checks);
    await commandEach(db, row, row.units, 'interval', caller.name);
    const steps = stepDone(row, 'hang', checks, new Date().toISOString());
    return take(db, row, { act: 'hang', by: caller.name, change: { steps } }, checks);
  });
  await wake(deps, acted.row);
  return acted;
}

export async function seal(deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const waits = !asked.waive.some((w) => w.check === 'interval');
  const before = await visibleTrip(deps.pool, tripId, caller);
  if (waits && before.status === 'hung') await confirmed(deps, before, (lock) => lock.intervalConfirmed);
  return inTransaction(deps.pool, async (db) => {
    const { row, done } = await tripForStep(db, tripId, caller, 'seal');
    if (done) return taken(row, 'seal');
    const facts = await stepFacts({ pool: deps.pool, db }, row, 'origin', { by: caller.name, ...askedReading(asked) });
    const checks = await waivedBy(db, sealChecks(facts), asked, caller, {
      act: 'seal',
      tripId: row.trip_id,
      simulated: row.simulated,
    });
    requirePassed('seal', checks);
    const at = new Date().toISOString();
    const steps = stepDone(row, 'seal', checks, at);
    await trackFrom(db, row.trip_id, at);
    const change = { steps, sealedAt: at };
    return take(db, row, { act: 'seal', by: caller.name, change }, checks);
  });
}

export async function verify(deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const { row, done } = await tripForStep(db, tripId, caller, 'verify');
    if (done) return taken(row, 'verify');
    const facts = await stepFacts({ pool: deps.pool, db }, row, 'destination', {
      by: caller.name,
      ...askedReading(asked),
    });
    const checks = await waivedBy(db, verifyChecks(facts), asked, caller, {
      act: 'verify',
      tripId: row.trip_id,
      simulated: row.simulated,
    });
    requirePassed('verify', checks);
    const at = new Date().toISOString();
    const change = { steps: stepDone(row, 'verify', checks, at), verifiedAt: at, arrivedAt: at };
    return take(db, row, { act: 'verify', by: caller.name, change }, checks);
  });
}

/**
 * Sends the one-time unlock and waits for the locks. Their replies unlock the trip as well (`command-ended`), before or
 * while this waits: then the answer has the checks that were made there. Asked again it sends no second unlock.
 */
export async function unlock(deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const { row, done } = await authoriseUnlock(deps, tripId, caller, asked);
  if (done) return taken(row, 'unlock');
  await wake(deps, row);
  if (!asked.waive.some((w) => w.check === 'unlocked')) await confirmed(deps, row, (lock) => lock.unlockConfirmed);
  return inTransaction(deps.pool, async (db) => {
    const { row: locked, done: doneMeanwhile } = await tripForStep(db, tripId, caller, 'unlock');
    if (doneMeanwhile) return taken(locked, 'unlock');
    const { checks } = await checksOfUnlock(deps, db, locked, caller, asked);
    requirePassed('unlock', checks);
    const at = new Date().toISOString();
    const change = { steps: stepDone(locked, 'unlock', checks, at), unlockedAt: at };
    return take(db, locked, { act: 'unlock', by: caller.name, change }, checks);
  });
}

async function checksOfUnlock(deps: UseCaseDeps, db: Queryable, row: TripView, caller: Principal, asked: StepAsked) {
  const facts = await stepFacts({ pool: deps.pool, db }, row, 'destination', { by: caller.name });
  const made = [...unlockChecks(facts), unlockedCheck(facts)];
  return {
    facts,
    checks: await waivedBy(db, made, asked, caller, { act: 'unlock', tripId: row.trip_id, simulated: row.simulated }),
  };
}

/** Gives each lock of the trip its unlock, unless one waits for it or is done. */
function authoriseUnlock(
  deps: UseCaseDeps,
  tripId: string,
  caller: Principal,
  asked: StepAsked,
): Promise<{ row: TripView; done: boolean }> {
  return inTransaction(deps.pool, async (db) => {
    const found = await tripForStep(db, tripId, caller, 'unlock');
    if (found.done) return found;
    const { row: locked } = found;
    const { facts, checks } = await checksOfUnlock(deps, db, locked, caller, asked);
    requirePassed(
      'unlock',
      checks.filter((check) => check.check !== 'unlocked'),
    );
    const closed = facts.locks.filter((lock) => !lock.unlockWaiting && !lock.unlockConfirmed);
    if (closed.length > 0) {
      const commands = await commandEach(db, locked, closed, 'unlock', caller.name);
      const { status } = locked;
      const after = { status, commands: commands.map((command) => command.command_id) };
      await audit(db, {
        actor: caller.name,
        action: 'trip.authorise-unlock',
        subject: `trip:${locked.trip_id}`,
        before: { status, commands: [] },
        after,
      });
    }
    return found;
  });
}

/** Closing gives the locks back to stock; a red that nobody has disposed of keeps the trip open. */
export async function close(deps: UseCaseDeps, tripId: string, caller: Principal): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const { row, done } = await tripForStep(db, tripId, caller, 'close');
    if (done) return { step: 'close', checks: [], row };
    const { latchedRules } = await stepFacts({ pool: deps.pool, db }, row, 'destination', { by: caller.name });
    if (latchedRules.length > 0) {
      const errors = [{ path: 'alarms', message: `to be disposed of: ${latchedRules.join(', ')}` }];
      throw new ApiProblem(409, 'trip.alarms-open', 'alarms of this trip are not disposed of', errors);
    }
    const at = new Date().toISOString();
    await trackTo(db, row.trip_id, at);
    return {
      step: 'close',
      checks: [],
      row: await record(db, row, { act: 'close', by: caller.name, change: { closedAt: at } }),
    };
  });
}

/** Who else answers for a cancellation: somebody, if the trip has alarms that nobody has disposed of. */
async function secondForCancel(db: Queryable, row: TripView, caller: Principal, reason: string) {
  const { trip_id: tripId, simulated } = row;
  const { latched_rules: latched } = await latchedOf(db, tripId);
  if (latched.length === 0 || simulated) return undefined;
  if (reason.trim() === '') {
    const expected = `why a trip with alarms that are not disposed of (${latched.join(', ')}) is cancelled`;
    throw wrongField('request.invalid', { path: 'reason', message: 'is missing', expected });
  }
  return twoPeople(db, caller, { act: 'trip.cancel', tripId, asked: { reason }, roles: OFFICERS });
}

/**
 * Cancels a trip. What its locks have recorded until now stays its record, also what comes late; its red stays until a person
 * disposes of it, and follows its locks and containers. A trip of simulated locks alone needs no second person.
 * @throws ApiProblem 403, 404, 409, 422; ApprovalNeeded
 */
export async function cancel(deps: UseCaseDeps, tripId: string, caller: Principal, reason: string): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'cancel');
    const second = await secondForCancel(db, row, caller, reason);
    const at = new Date().toISOString();
    await trackTo(db, row.trip_id, at);
    await cancelCommands(db, { tripId: row.trip_id }, 'trip cancelled', caller.name);
    const change = { closedAt: at };
    const detail = { reason, ...(second === undefined ? {} : { second }) };
    return {
      step: 'cancel',
      checks: [],
      row: await record(db, row, { act: 'cancel', by: caller.name, change, detail }),
    };
  });
}
