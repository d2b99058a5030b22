import { randomUUID } from 'node:crypto';
import { CommandOrder, CommandState, CommandType, Time, type TripStatus } from '@sealwatch/schemas';
import { z } from 'zod';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { secondPerson } from '../people/second-person.ts';
import { isoField, isoOf } from '../postgres/iso.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import {
  cancelOrders,
  getOrder,
  insertOrder,
  type NewOrder,
  type OrderRow,
  ordersOfLock,
  unlockWaits,
} from '../store/locks/commands.ts';
import { getLock } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { getTrip, type TripView } from '../store/trips/trips.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf, OPERATORS, READERS } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

export const OrderView = z.object({
  commandId: z.string(),
  lockId: z.string(),
  tripId: z.string().optional(),
  type: CommandType,
  intervalS: z.number().optional(),
  state: CommandState,
  createdAt: Time,
  createdBy: z.string(),
  secondPerson: z.string().optional(),
  expiresAt: Time,
  sentAt: Time.optional(),
  endedAt: Time.optional(),
  reason: z.string().optional(),
});

/** A command waits a day for its lock: longer than any dead zone, shorter than the next trip. */
export const COMMAND_LIFE_MS = 24 * 3_600_000;

/** A command that waits a day for its lock, unless it says otherwise. */
export const newOrder = (
  order: Omit<NewOrder, 'commandId' | 'expiresAt'> & { expiresAt?: Date | undefined },
): NewOrder => ({
  ...order,
  commandId: randomUUID(),
  expiresAt: order.expiresAt ?? new Date(Date.now() + COMMAND_LIFE_MS),
});

export function orderOf(row: OrderRow): z.output<typeof OrderView> {
  return {
    commandId: row.command_id,
    lockId: row.lock_id,
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    type: row.type,
    ...(row.interval_s === null ? {} : { intervalS: row.interval_s }),
    state: row.state,
    createdAt: isoOf(row.created_at),
    createdBy: row.created_by,
    ...(row.second_by === null ? {} : { secondPerson: row.second_by }),
    expiresAt: isoOf(row.expires_at),
    ...isoField('sentAt', row.sent_at),
    ...isoField('endedAt', row.ended_at),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}

/** Each step of a command as it stands in a trip's story: given, sent, ended. */
export function orderSteps(row: OrderRow): { at: string; type: string; command: z.output<typeof OrderView> }[] {
  const command = orderOf(row);
  return [
    { at: isoOf(row.created_at), type: `command.${row.type}`, command },
    ...(row.sent_at === null ? [] : [{ at: isoOf(row.sent_at), type: `command.${row.type}.sent`, command }]),
    ...(row.ended_at === null ? [] : [{ at: isoOf(row.ended_at), type: `command.${row.type}.${row.state}`, command }]),
  ];
}

/** Commands to a lock: given, listed, taken back, given again. */
export function orderRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  const params = z.object({ lockId: z.string() });
  app.get(
    '/locks/:lockId/commands',
    {
      config: { roles: READERS },
      schema: {
        tags: ['locks'],
        params,
        querystring: z.object(Page),
        response: answers({ 200: listOf(OrderView) }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { offices } = callerOf(request);
      if (!(await getLock(pool, lockId, offices))) throw notFound('lock', lockId);
      const { limit, cursor } = request.query;
      const rows = await ordersOfLock(pool, lockId, limit + 1, { offices, before: keysOf(cursor, z.int()) });
      return pageOf(rows, limit, orderOf, (row) => row.ordinal);
    },
  );
  app.post(
    '/locks/:lockId/commands',
    {
      config: { roles: OPERATORS, creates: true },
      schema: {
        tags: ['locks'],
        params,
        body: CommandOrder.extend({ secondPerson: z.string().max(100).optional() }),
        response: answers({ 201: OrderView }),
      },
    },
    async (request, reply) =>
      reply.code(201).send(orderOf(await order(deps, request.params.lockId, callerOf(request), request.body))),
  );
  const one = params.extend({ commandId: z.string() });
  const response = answers({ 200: OrderView });
  app.post(
    '/locks/:lockId/commands/:commandId/cancel',
    {
      config: { roles: OPERATORS },
      schema: { tags: ['locks'], summary: 'Take back a command that was not sent yet', params: one, response },
    },
    async (request) => orderOf(await takeBack(deps, request.params, callerOf(request))),
  );
  app.post(
    '/locks/:lockId/commands/:commandId/retry',
    {
      config: { roles: OPERATORS, creates: true },
      schema: {
        tags: ['locks'],
        summary: 'Give a command again that ended without being done',
        params: one,
        body: z.object({ secondPerson: z.string().max(100).optional() }),
        response: answers({ 201: OrderView }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const again = await giveAgain(deps, request.params, caller, request.body.secondPerson);
      return reply.code(201).send(orderOf(again));
    },
  );
}

type Asked = Omit<z.output<typeof CommandOrder>, 'expiresAt'> & {
  expiresAt?: string | undefined;
  secondPerson?: string | undefined;
  /** The command that this one takes up again, as it ended. */
  retryOf?: { commandId: string; state: string };
};

const VERIFIED: TripStatus[] = ['verified', 'unlocked'];

/**
 * Who answers for an unlock: the verification of the lock's trip, or two named supervisors.
 * @returns the second person; undefined where none is needed
 */
async function authoriser(
  db: Queryable,
  asked: Asked,
  trip: TripView | undefined,
  caller: Principal,
): Promise<string | undefined> {
  if (asked.type !== 'unlock' || (trip !== undefined && VERIFIED.includes(trip.status))) return undefined;
  return secondPerson(db, caller, asked.secondPerson, ['supervisor', 'admin']);
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

async function order(deps: ApiDeps, lockId: string, caller: Principal, asked: Asked): Promise<OrderRow> {
  requireUsable(asked);
  const row = await inTransaction(deps.pool, async (db) => {
    const lock = await getLock(db, lockId, caller.offices);
    if (lock === undefined) throw notFound('lock', lockId);
    if (lock.retired_at !== null) throw new ApiProblem(409, 'lock.retired', `lock ${lockId} is retired`);
    const trip = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
    if (trip !== undefined) requireActing(caller, trip);
    const secondBy = await authoriser(db, asked, trip, caller);
    if (asked.type === 'unlock' && (await unlockWaits(db, lockId))) {
      throw new ApiProblem(409, 'command.waiting', `an unlock is on its way to ${lockId} already`);
    }
    const inserted = await insertOrder(
      db,
      newOrder({
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
  deps.commands.wake(lockId);
  return row;
}

interface Named {
  lockId: string;
  commandId: string;
}

/** The command of a lock that the caller may act on. @throws ApiProblem 404, 403 */
async function knownOrder(db: Queryable, { lockId, commandId }: Named, caller: Principal): Promise<OrderRow> {
  if (!(await getLock(db, lockId, caller.offices))) throw notFound('lock', lockId);
  const row = z.uuid().safeParse(commandId).success ? await getOrder(db, commandId) : undefined;
  if (row?.lock_id !== lockId) throw notFound('command', commandId);
  const trip = row.trip_id === null ? undefined : await getTrip(db, row.trip_id, caller.offices);
  if (row.trip_id !== null && trip === undefined) throw notFound('command', commandId);
  if (trip !== undefined) requireActing(caller, trip);
  return row;
}

/** A command that was sent cannot be taken back: its lock may have done it. */
async function takeBack(deps: ApiDeps, named: Named, caller: Principal): Promise<OrderRow> {
  return inTransaction(deps.pool, async (db) => {
    const { state } = await knownOrder(db, named, caller);
    const cancelled = await cancelOrders(db, named, `taken back by ${caller.name}`, caller.name);
    if (cancelled.length === 0) {
      throw new ApiProblem(
        409,
        'command.state',
        `a command that is ${state} cannot be taken back; only a queued one can`,
      );
    }
    return (await getOrder(db, named.commandId))!;
  });
}

const UNDONE = ['refused', 'failed', 'expired', 'cancelled'];

async function giveAgain(
  deps: ApiDeps,
  named: Named,
  caller: Principal,
  second: string | undefined,
): Promise<OrderRow> {
  const ended = await knownOrder(deps.pool, named, caller);
  if (!UNDONE.includes(ended.state)) {
    throw new ApiProblem(409, 'command.state', `a command that is ${ended.state} is not given again`);
  }
  return order(deps, named.lockId, caller, {
    type: ended.type,
    ...(ended.interval_s === null ? {} : { intervalS: ended.interval_s }),
    secondPerson: second,
    retryOf: { commandId: ended.command_id, state: ended.state },
  });
}
