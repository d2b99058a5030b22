import { LockId, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { READERS, SUPERVISORS } from '../people/roles.ts';
import { hashSecret, newLockSecret } from '../people/secret.ts';
import { isoField, isoOf } from '../postgres/iso.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { cancelCommands } from '../store/locks/commands.ts';
import {
  blockLock,
  existingLocks,
  getLock,
  insertLocks,
  type LockRow,
  listLocks,
  retireLock,
} from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { JUNK_BYTES_OF_LOCK, junkOfLock } from '../store/reports/quarantine.ts';
import { busyLocks } from '../store/trips/trips.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const NewLock = z.object({ lockId: LockId, model: z.string().max(100).default('') });
const LockSecret = z.object({ lockId: z.string(), secret: z.string() });
const Lock = z.object({
  lockId: z.string(),
  model: z.string(),
  state: z.enum(['new', 'stock', 'on-trip', 'retired']),
  createdAt: Time,
  retiredAt: Time.optional(),
  /** Set while it is on the black list. */
  blocked: z.object({ reason: z.string(), by: z.string() }).optional(),
  tripId: z.string().optional(),
  lastSeenAt: Time.optional(),
  lastReportAt: Time.optional(),
  battery: z.looseObject({}).optional(),
  seal: z.looseObject({}).optional(),
  position: z.looseObject({ lon: z.number(), lat: z.number() }).optional(),
  positionAt: Time.optional(),
  /** Values of its records that could not be: they were left out and the rest was taken. The newest stands in quarantine. */
  leftOut: z
    .object({
      count: z.int(),
      last: z.object({ field: z.string(), value: z.string(), expected: z.string(), at: Time }),
    })
    .optional(),
  /** Unreadable payloads in quarantine (of one lock alone); at the bound further ones are not acknowledged. */
  junk: z.object({ bytes: z.int(), mostBytes: z.int() }).optional(),
});
function lockOf(row: LockRow): z.output<typeof Lock> {
  const report = row.last_report ?? {};
  const position = row.last_fix?.position as { lon: number; lat: number } | undefined;
  const state = row.retired_at ? 'retired' : row.trip_id ? 'on-trip' : row.last_time ? 'stock' : 'new';
  return {
    lockId: row.lock_id,
    model: row.model,
    state,
    createdAt: isoOf(row.created_at),
    ...isoField('retiredAt', row.retired_at),
    ...(row.blocked_reason === null ? {} : { blocked: { reason: row.blocked_reason, by: row.blocked_by ?? '' } }),
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    ...isoField('lastSeenAt', row.last_received),
    ...isoField('lastReportAt', row.last_time),
    ...(report.battery ? { battery: report.battery as Record<string, unknown> } : {}),
    ...(report.seal ? { seal: report.seal as Record<string, unknown> } : {}),
    ...(position ? { position, positionAt: isoOf(String(row.last_fix?.time)) } : {}),
    ...(row.left_out === null ? {} : { leftOut: { count: row.left_out_count, last: row.left_out } }),
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
  await deps.hints.publish({ hint: 'changed', lockIds: ids });
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
      const bytes = await junkOfLock(pool, row.lock_id);
      return { ...lockOf(row), ...(bytes === 0 ? {} : { junk: { bytes, mostBytes: JUNK_BYTES_OF_LOCK } }) };
    },
  );
  lockService(app, deps);
}

/** Takes locks out of service: for good, or on the black list until it is taken off again. */
function lockService(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  const params = z.object({ lockId: z.string() });
  app.put(
    '/locks/:lockId/block',
    {
      config: { roles: SUPERVISORS },
      schema: {
        tags: ['locks'],
        summary: 'Put a lock on the black list, or with reason null take it off',
        params,
        body: z.object({ reason: z.string().min(1).max(500).nullable() }),
        response: answers({ 200: Lock }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { reason } = request.body;
      const caller = callerOf(request);
      const row = await inTransaction(pool, async (db) => {
        const before = await getLock(db, lockId, caller.offices);
        if (before === undefined) throw notFound('lock', lockId);
        await blockLock(db, lockId, reason === null ? null : { reason, by: caller.name });
        const entry = { actor: caller.name, action: 'lock.block', subject: `lock:${lockId}` };
        await audit(db, { ...entry, before: { reason: before.blocked_reason }, after: { reason } });
        return getLock(db, lockId, caller.offices);
      });
      return lockOf(row!);
    },
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
        await cancelCommands(db, { lockId }, 'lock retired', caller.name);
        const entry = { actor: caller.name, action: 'lock.retire', subject: `lock:${lockId}` };
        await audit(db, { ...entry, before: { retired: false }, after: { retired: true } });
        return getLock(db, lockId, caller.offices);
      });
      await deps.hints.publish({ hint: 'locks', lockIds: [lockId] });
      await deps.hints.publish({ hint: 'changed', lockIds: [lockId] });
      return lockOf(row!);
    },
  );
}
