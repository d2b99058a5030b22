import { randomUUID } from 'node:crypto';
import { CommandOrder, CommandState, CommandType, LockId, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { audit } from '../store/audit.ts';
import { existingLocks, getLock, insertLocks, type LockRow, listLocks, retireLock } from '../store/locks.ts';
import { cancelOrders, insertOrder, type OrderRow, ordersOfLock } from '../store/orders.ts';
import { inTransaction } from '../store/queryable.ts';
import { isoOf } from '../store/rows.ts';
import { busyLocks, getTrip } from '../store/trips.ts';
import type { ApiDeps } from './deps.ts';
import { type Api, answers } from './form.ts';
import { callerOf, OPERATORS, READERS, SUPERVISORS } from './guard.ts';
import { requireActing } from './offices.ts';
import { keysOf, listOf, Page, pageOf } from './paging.ts';
import { secondPerson } from './people.ts';
import { ApiProblem, notFound } from './problem.ts';
import { hashSecret, newLockSecret } from './secret.ts';

const NewLock = z.object({ lockId: LockId, model: z.string().max(100).default('') });
const LockSecret = z.object({ lockId: z.string(), secret: z.string() });
const Lock = z.object({
  lockId: z.string(),
  model: z.string(),
  state: z.enum(['new', 'stock', 'on-trip', 'retired']),
  createdAt: Time,
  retiredAt: Time.optional(),
  tripId: z.string().optional(),
  lastSeenAt: Time.optional(),
  lastReportAt: Time.optional(),
  battery: z.looseObject({}).optional(),
  seal: z.looseObject({}).optional(),
  position: z.looseObject({ lon: z.number(), lat: z.number() }).optional(),
  positionAt: Time.optional(),
});
export const OrderView = z.object({
  commandId: z.string(),
  lockId: z.string(),
  tripId: z.string().optional(),
  type: CommandType,
  intervalS: z.number().optional(),
  state: CommandState,
  createdAt: Time,
  createdBy: z.string(),
  expiresAt: Time,
  sentAt: Time.optional(),
  endedAt: Time.optional(),
  reason: z.string().optional(),
});

/** A command waits a day for its lock: longer than any dead zone, shorter than the next trip. */
export const COMMAND_LIFE_MS = 24 * 3_600_000;

const time = <K extends string>(key: K, value: Date | null) =>
  (value === null ? {} : { [key]: isoOf(value) }) as { [P in K]?: string };

function lockOf(row: LockRow): z.output<typeof Lock> {
  const report = row.last_report ?? {};
  const position = row.last_fix?.position as { lon: number; lat: number } | undefined;
  const state = row.retired_at ? 'retired' : row.trip_id ? 'on-trip' : row.last_time ? 'stock' : 'new';
  return {
    lockId: row.lock_id,
    model: row.model,
    state,
    createdAt: isoOf(row.created_at),
    ...time('retiredAt', row.retired_at),
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    ...time('lastSeenAt', row.last_received),
    ...time('lastReportAt', row.last_time),
    ...(report.battery ? { battery: report.battery as Record<string, unknown> } : {}),
    ...(report.seal ? { seal: report.seal as Record<string, unknown> } : {}),
    ...(position ? { position, positionAt: isoOf(String(row.last_fix?.time)) } : {}),
  };
}

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
    expiresAt: isoOf(row.expires_at),
    ...time('sentAt', row.sent_at),
    ...time('endedAt', row.ended_at),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}

/** Registers locks, all of them or none. @throws ApiProblem 409 naming those that are registered already */
async function register(deps: ApiDeps, by: string, locks: z.output<typeof NewLock>[], path: (i: number) => string) {
  const ids = locks.map((lock) => lock.lockId);
  const issued = locks.map((lock) => ({ ...lock, secret: newLockSecret() }));
  await inTransaction(deps.pool, async (db) => {
    const taken = new Set(await existingLocks(db, ids));
    const repeated = new Set(ids.filter((id, i) => ids.indexOf(id) !== i));
    const errors = locks.flatMap(({ lockId }, i) =>
      taken.has(lockId) || (repeated.has(lockId) && ids.indexOf(lockId) !== i)
        ? [{ path: path(i), message: 'is registered already', value: lockId, expected: 'a lock id not in use' }]
        : [],
    );
    const inserted =
      errors.length > 0
        ? []
        : await insertLocks(
            db,
            issued.map((l) => ({ ...l, secretHash: hashSecret(l.secret) })),
          );
    if (inserted.length < locks.length) {
      const which = errors
        .map((error) => error.value)
        .slice(0, 10)
        .join(', ');
      throw new ApiProblem(409, 'lock.exists', `registered already: ${which}`, errors.slice(0, 100));
    }
    await audit(db, { actor: by, action: 'lock.register', subject: `lock:${ids[0]}`, after: { locks: ids } });
  });
  await deps.feed.locksChanged(ids);
  return issued.map(({ lockId, secret }) => ({ lockId, secret }));
}

export function lockRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/locks',
    {
      config: { roles: SUPERVISORS, creates: true },
      schema: { tags: ['locks'], summary: 'Register a lock', body: NewLock, response: answers({ 201: LockSecret }) },
    },
    async (request, reply) => {
      const [lock] = await register(deps, callerOf(request).name, [request.body], () => 'lockId');
      return reply.code(201).send(lock!);
    },
  );
  app.post(
    '/locks/import',
    {
      config: { roles: SUPERVISORS, creates: true },
      bodyLimit: 8 * 1024 * 1024,
      schema: {
        tags: ['locks'],
        summary: 'Register many locks, all or none',
        body: z.object({ locks: z.array(NewLock).min(1).max(10_000) }),
        response: answers({ 201: z.object({ items: z.array(LockSecret) }) }),
      },
    },
    async (request, reply) => {
      const items = await register(deps, callerOf(request).name, request.body.locks, (i) => `locks[${i}].lockId`);
      return reply.code(201).send({ items });
    },
  );
  app.get(
    '/locks',
    {
      config: { roles: READERS },
      schema: {
        tags: ['locks'],
        querystring: z.object({ ...Page, q: z.string().max(20).optional() }),
        response: answers({ 200: listOf(Lock) }),
      },
    },
    async (request) => {
      const { limit, cursor, q } = request.query;
      const { offices } = callerOf(request);
      const after = keysOf(cursor, z.string());
      const rows = await listLocks(pool, { offices, q: q?.toUpperCase(), after, limit: limit + 1 });
      return pageOf(rows, limit, lockOf, (row) => row.lock_id);
    },
  );
  app.get(
    '/locks/:lockId',
    {
      config: { roles: READERS },
      schema: { tags: ['locks'], params: z.object({ lockId: z.string() }), response: answers({ 200: Lock }) },
    },
    async (request) => {
      const row = await getLock(pool, request.params.lockId, callerOf(request).offices);
      if (row === undefined) throw notFound('lock', request.params.lockId);
      return lockOf(row);
    },
  );
  lockOrders(app, deps);
}

function lockOrders(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  const params = z.object({ lockId: z.string() });
  app.get(
    '/locks/:lockId/commands',
    {
      config: { roles: READERS },
      schema: {
        tags: ['locks'],
        params,
        querystring: z.object({ limit: Page.limit }),
        response: answers({ 200: listOf(OrderView) }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { offices } = callerOf(request);
      if (!(await getLock(pool, lockId, offices))) throw notFound('lock', lockId);
      const { limit } = request.query;
      return { items: (await ordersOfLock(pool, lockId, limit, offices)).map(orderOf) };
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
  app.post(
    '/locks/:lockId/retire',
    {
      config: { roles: SUPERVISORS },
      schema: { tags: ['locks'], params, response: answers({ 200: Lock }) },
    },
    async (request) => {
      const { lockId } = request.params;
      const caller = callerOf(request);
      const row = await inTransaction(pool, async (db) => {
        if (!(await getLock(db, lockId, caller.offices))) throw notFound('lock', lockId);
        const [busy] = await busyLocks(db, [lockId]);
        if (busy) throw new ApiProblem(409, 'lock.on-trip', `lock ${lockId} is on trip ${busy.tripId}; end that first`);
        await retireLock(db, lockId);
        await cancelOrders(db, { lockId }, 'lock retired');
        const entry = { actor: caller.name, action: 'lock.retire', subject: `lock:${lockId}` };
        await audit(db, { ...entry, before: { retired: false }, after: { retired: true } });
        return getLock(db, lockId, caller.offices);
      });
      await deps.intake.refreshLock(lockId);
      await deps.feed.locksChanged([lockId]);
      return lockOf(row!);
    },
  );
}

/** An unlock by hand needs two named people with a supervisor's right; a verified trip has its own way (`/unlock`). */
async function order(
  deps: ApiDeps,
  lockId: string,
  caller: ReturnType<typeof callerOf>,
  asked: z.output<typeof CommandOrder> & { secondPerson?: string | undefined },
): Promise<OrderRow> {
  const row = await inTransaction(deps.pool, async (db) => {
    const lock = await getLock(db, lockId, caller.offices);
    if (lock === undefined) throw notFound('lock', lockId);
    if (lock.retired_at !== null) throw new ApiProblem(409, 'lock.retired', `lock ${lockId} is retired`);
    if (asked.type === 'interval' && asked.intervalS === undefined) {
      throw new ApiProblem(422, 'request.invalid', 'intervalS: expected with type interval', [
        { path: 'intervalS', message: 'is missing', expected: '5 to 86400 seconds' },
      ]);
    }
    const trip = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
    if (trip !== undefined) requireActing(caller, trip);
    const second =
      asked.type === 'unlock' ? await secondPerson(db, caller, asked.secondPerson, ['supervisor', 'admin']) : undefined;
    const expiresAt =
      asked.expiresAt === undefined ? new Date(Date.now() + COMMAND_LIFE_MS) : new Date(asked.expiresAt);
    const inserted = await insertOrder(db, {
      commandId: randomUUID(),
      lockId,
      tripId: trip?.trip_id,
      type: asked.type,
      intervalS: asked.intervalS,
      expiresAt,
      by: caller.name,
    });
    const after = { type: asked.type, intervalS: asked.intervalS, second };
    await audit(db, { actor: caller.name, action: 'lock.command', subject: `lock:${lockId}`, after });
    return inserted;
  });
  deps.commands.wake(lockId);
  return row;
}
