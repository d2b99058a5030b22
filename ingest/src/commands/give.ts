import type { CommandOrder } from '@sealwatch/schemas';
import { z } from 'zod';
import { hasPassed } from '../custody/status.ts';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { OFFICERS } from '../people/roles.ts';
import { requireSimulated } from '../people/simulated.ts';
import { twoPeople } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import { type CommandRow, cancelCommands, commandWaits, getCommand, insertCommand } from '../store/locks/commands.ts';
import { getLock } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { latchedOf } from '../store/trips/custody.ts';
import type { TripView } from '../store/trips/row.ts';
import { getTrip } from '../store/trips/trips.ts';
import { newCommand } from './new.ts';
import { tripOfCommanded } from './trip-of.ts';

type Asked = Omit<z.output<typeof CommandOrder>, 'expiresAt'> & {
  expiresAt?: string | undefined;
  /** The command that this one takes up again, as it ended. */
  retryOf?: { commandId: string; state: string } | undefined;
};

/**
 * Who answers for an unlock: the verification of the lock's trip if no alarm has come since, or two supervisors.
 * @returns the second person; undefined where none is needed
 */
async function authoriser(
  db: Queryable,
  lockId: string,
  asked: Asked,
  trip: TripView | undefined,
  caller: Principal,
): Promise<string | undefined> {
  if (asked.type !== 'unlock') return undefined;
  const tripId = trip?.trip_id;
  const verified = trip !== undefined && hasPassed(trip.status, 'verify');
  if (verified && (await latchedOf(db, trip.trip_id)).latched_since.length === 0) return undefined;
  return twoPeople(db, caller, {
    act: 'lock.unlock',
    tripId,
    subject: { lockId },
    asked,
    roles: OFFICERS,
  });
}

function requireUsable({ type, intervalS, expiresAt }: Asked): void {
  if (type === 'interval' && intervalS === undefined) {
    const message = 'is missing';
    throw wrongField('request.invalid', { path: 'intervalS', message, expected: '5 to 86400 seconds' });
  }
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) {
    const message = 'is over already';
    throw wrongField('request.invalid', { path: 'expiresAt', message, value: expiresAt, expected: 'a time to come' });
  }
}

/** Queues a command for a lock. @throws ApiProblem 403, 404, 409, 422 */
export async function giveCommand(
  deps: UseCaseDeps,
  lockId: string,
  caller: Principal,
  asked: Asked,
): Promise<CommandRow> {
  requireUsable(asked);
  const row = await inTransaction(deps.pool, async (db) => {
    const trip = await tripOfCommanded(db, caller, lockId);
    if (asked.type === 'unlock' && (await commandWaits(db, lockId, 'unlock'))) {
      throw new ApiProblem(409, 'command.waiting', `an unlock is on its way to ${lockId} already`);
    }
    const secondBy = await authoriser(db, lockId, asked, trip, caller);
    const inserted = await insertCommand(
      db,
      newCommand({
        lockId,
        tripId: trip?.trip_id,
        type: asked.type,
        intervalS: asked.intervalS,
        expiresAt: asked.expiresAt === undefined ? undefined : new Date(asked.expiresAt),
        by: caller.name,
        secondBy,
      }),
    );
    const after = {
      commandId: inserted.command_id,
      tripId: trip?.trip_id,
      type: asked.type,
      intervalS: asked.intervalS,
      second: secondBy,
      retryOf: asked.retryOf?.commandId,
    };
    const entry = { actor: caller.name, action: 'lock.command', subject: `lock:${lockId}` };
    await audit(db, { ...entry, before: asked.retryOf, after });
    return inserted;
  });
  await deps.hints.publish({ hint: 'commands', lockIds: [lockId] });
  return row;
}

interface Named {
  lockId: string;
  commandId: string;
}

/** The command of a lock that the caller may act on. @throws ApiProblem 404, 403 */
async function knownCommand(db: Queryable, { lockId, commandId }: Named, caller: Principal): Promise<CommandRow> {
  const lock = await getLock(db, lockId, caller.offices);
  if (lock === undefined) throw notFound('lock', lockId);
  requireSimulated(caller, lock, 'this lock is');
  const row = z.uuid().safeParse(commandId).success ? await getCommand(db, commandId) : undefined;
  if (row?.lock_id !== lockId) throw notFound('command', commandId);
  const trip = row.trip_id === null ? undefined : await getTrip(db, row.trip_id, caller.offices);
  if (row.trip_id !== null && trip === undefined) throw notFound('command', commandId);
  if (trip !== undefined) requireActing(caller, trip);
  return row;
}

/** A command that was sent cannot be taken back: its lock may have done it. */
export async function takeBack(deps: UseCaseDeps, named: Named, caller: Principal): Promise<CommandRow> {
  return inTransaction(deps.pool, async (db) => {
    const { state } = await knownCommand(db, named, caller);
    const cancelled = await cancelCommands(db, named, `taken back by ${caller.name}`, caller.name);
    if (cancelled.length === 0) {
      throw new ApiProblem(
        409,
        'command.state',
        `a command that is ${state} cannot be taken back; only a queued one can`,
      );
    }
    return (await getCommand(db, named.commandId))!;
  });
}

const UNDONE = ['refused', 'failed', 'expired', 'cancelled'];

/** Queues a command again that ended without being done. @throws ApiProblem 403, 404, 409 */
export async function giveAgain(deps: UseCaseDeps, named: Named, caller: Principal): Promise<CommandRow> {
  const ended = await knownCommand(deps.pool, named, caller);
  if (!UNDONE.includes(ended.state)) {
    throw new ApiProblem(409, 'command.state', `a command that is ${ended.state} is not given again`);
  }
  if (ended.type === 'secret') {
    const todo = `POST /api/v1/locks/${named.lockId}/secret/rotate`;
    throw new ApiProblem(409, 'command.state', `a new secret is not given again by its command; ${todo}`);
  }
  return giveCommand(deps, named.lockId, caller, {
    type: ended.type,
    ...(ended.interval_s === null ? {} : { intervalS: ended.interval_s }),
    retryOf: { commandId: ended.command_id, state: ended.state },
  });
}
