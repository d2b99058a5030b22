import type { Check, StepName } from '@sealwatch/schemas';
import { newCommand } from '../commands/new.ts';
import { allowedFrom, hasPassed, move, moved, type TripAct } from '../custody/status.ts';
import { failedChecks, stateByChecks, withStep } from '../custody/steps.ts';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { type CommandRow, insertCommand } from '../store/locks/commands.ts';
import { audit } from '../store/people/audit.ts';
import { changeTrip, type TripChange } from '../store/trips/changes.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripForUpdate } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { visibleTrip } from './visible.ts';

/** The report interval of a sealed lock, s (docs/rules.md). */
export const SEALED_INTERVAL_S = 30;

const PAST: Record<TripAct, Parameters<typeof announce>[1]['type'] | undefined> = {
  release: 'trip.released',
  hang: 'trip.hung',
  seal: 'trip.sealed',
  depart: undefined,
  arrive: undefined,
  verify: 'trip.verified',
  unlock: 'trip.unlocked',
  close: 'trip.closed',
  cancel: 'trip.cancelled',
};

/** The checks that were made at a step; empty before it. */
export const checksOf = ({ steps }: TripView, name: StepName): Check[] =>
  steps.find(({ step }) => step === name)?.checks ?? [];

/**
 * The trip, locked, for a step that its caller may take. `done`: an earlier call, a lock's reply or a gate has taken it
 * already, and there is nothing left to do.
 * @throws ApiProblem 403, 404, or 409 if the trip is in no state for the step
 */
export async function tripForStep(
  db: Queryable,
  tripId: string,
  caller: Principal,
  act: Exclude<TripAct, 'cancel'>,
): Promise<{ row: TripView; done: boolean }> {
  const seen = await visibleTrip(db, tripId, caller);
  const row = (await tripForUpdate(db, seen.trip_id))!;
  if (!hasPassed(row.status, act)) return { row: allowed(row, caller, act), done: false };
  // Who may take the step may ask for its result, also when the other office acts on the trip by now.
  requireActing(caller, { ...row, status: allowedFrom(act)[0]! });
  return { row, done: true };
}

/** The trip, locked, in a state in which the act is allowed and by somebody who may do it. */
export async function tripForAct(db: Queryable, tripId: string, caller: Principal, act: TripAct): Promise<TripView> {
  const seen = await visibleTrip(db, tripId, caller);
  return allowed((await tripForUpdate(db, seen.trip_id))!, caller, act);
}

function allowed(row: TripView, caller: Principal, act: TripAct): TripView {
  requireActing(caller, row);
  if (move(row.status, act) === undefined) {
    const from = allowedFrom(act).join(', ');
    throw new ApiProblem(409, 'trip.status', `a trip that is ${row.status} cannot ${act}; it must be ${from}`, [
      { path: 'status', message: `is ${row.status}`, value: row.status, expected: from },
    ]);
  }
  return row;
}

/** Ends an act: writes, announces and audits it in the transaction that made it. */
export async function record(
  db: Queryable,
  row: TripView,
  act: { act: TripAct; by: string; change: TripChange; detail?: object },
): Promise<TripView> {
  const status = moved(row.status, act.act);
  await changeTrip(db, row.trip_id, { ...act.change, status });
  const after = (await tripForUpdate(db, row.trip_id))!;
  const type = PAST[act.act];
  if (type !== undefined) await announce(db, { type, tripId: row.trip_id, data: tripOf(after) });
  await audit(db, {
    actor: act.by,
    action: `trip.${act.act}`,
    subject: `trip:${row.trip_id}`,
    before: { status: row.status },
    after: { status, ...act.detail },
  });
  return after;
}

/** 409 with every failed check; a refused step changes nothing. */
export function requirePassed(step: StepName, checks: Check[]): void {
  const failed = failedChecks(checks);
  if (failed.length === 0) return;
  const errors = failed.map(({ check, detail }) => ({ path: check, message: detail ?? 'failed' }));
  const which = failed.map(({ check }) => check).join(', ');
  throw new ApiProblem(409, `step.${step}.failed`, `these checks failed: ${which}`, errors, failed);
}

export async function commandEach(
  db: Queryable,
  row: TripView,
  locks: { lockId: string }[],
  type: 'interval' | 'unlock',
  by: string,
): Promise<CommandRow[]> {
  const intervalS = type === 'interval' ? SEALED_INTERVAL_S : undefined;
  const commands: CommandRow[] = [];
  for (const { lockId } of locks) {
    commands.push(await insertCommand(db, newCommand({ lockId, tripId: row.trip_id, type, intervalS, by })));
  }
  return commands;
}

export function stepDone(row: TripView, step: StepName, checks: Check[], at: string) {
  return withStep(row.steps, { step, state: stateByChecks(checks), at, checks });
}
