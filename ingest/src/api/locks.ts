import { LockSecret, LockView, NewLock } from '@sealwatch/schemas';
import { z } from 'zod';
import { registerLocks, retire, setBlock } from '../locks/register.ts';
import { READERS, SUPERVISORS } from '../people/roles.ts';
import { isoField, isoOf } from '../postgres/iso.ts';
import { notFound } from '../problem.ts';
import { getLock, type LockRow, listLocks } from '../store/locks/locks.ts';
import { JUNK_BYTES_OF_LOCK, junkOfLock } from '../store/reports/quarantine.ts';
import { accessOf, lockAccessRoutes } from './lock-access.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

function lockOf(row: LockRow): LockView {
  const report = row.last_report ?? {};
  const position = row.last_fix?.position as { lon: number; lat: number } | undefined;
  const state = row.retired_at ? 'retired' : row.trip_id ? 'on-trip' : row.last_time ? 'stock' : 'new';
  return {
    lockId: row.lock_id,
    model: row.model,
    ...(row.simulated ? { simulated: true as const } : {}),
    ...(row.profile === null ? {} : { profile: row.profile, wireId: row.wire_id ?? row.lock_id }),
    ...(row.networks.length === 0 ? {} : { networks: row.networks }),
    ...(row.numbered ? {} : { numbered: false as const }),
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

export function lockRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/locks',
    {
      config: { roles: SUPERVISORS, creates: true },
      schema: { tags: ['locks'], summary: 'Register a lock', body: NewLock, response: answers({ 201: LockSecret }) },
    },
    async (request, reply) => {
      const [lock] = await registerLocks(deps, callerOf(request), [request.body], () => 'lockId');
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
      const { locks } = request.body;
      const items = await registerLocks(deps, callerOf(request), locks, (i) => `locks[${i}].lockId`);
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
        response: answers({ 200: listOf(LockView) }),
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
      schema: { tags: ['locks'], params: z.object({ lockId: z.string() }), response: answers({ 200: LockView }) },
    },
    async (request) => {
      const row = await getLock(pool, request.params.lockId, callerOf(request).offices);
      if (row === undefined) throw notFound('lock', request.params.lockId);
      const bytes = await junkOfLock(pool, row.lock_id);
      const access = await accessOf(pool, row.lock_id);
      return { ...lockOf(row), access, ...(bytes === 0 ? {} : { junk: { bytes, mostBytes: JUNK_BYTES_OF_LOCK } }) };
    },
  );
  lockService(app, deps);
  lockAccessRoutes(app, deps);
}

/** Takes locks out of service: for good, or on the black list until it is taken off again. */
function lockService(app: Api, deps: ApiDeps): void {
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
        response: answers({ 200: LockView }),
      },
    },
    async (request) => lockOf(await setBlock(deps, callerOf(request), request.params.lockId, request.body.reason)),
  );
  app.post(
    '/locks/:lockId/retire',
    {
      config: { roles: SUPERVISORS },
      schema: { tags: ['locks'], params, response: answers({ 200: LockView }) },
    },
    async (request) => lockOf(await retire(deps, callerOf(request), request.params.lockId)),
  );
}
