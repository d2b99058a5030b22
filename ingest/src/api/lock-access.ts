import { CertificateSerial, CommandView, LockAccessView, LockSignIn, Pins, Sha256 } from '@sealwatch/schemas';
import { z } from 'zod';
import { rotateSecret } from '../commands/rotate.ts';
import { commandViewOf } from '../commands/view.ts';
import { changeSignIn, markOf, renewSecret, revoke } from '../locks/access.ts';
import { SUPERVISORS } from '../people/roles.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { accessOnFile } from '../store/locks/access.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

export async function accessOf(db: Queryable, lockId: string): Promise<LockAccessView> {
  const row = await accessOnFile(db, lockId);
  return {
    signIn: row.sign_in,
    ...(row.certificate_pins.length === 0 ? {} : { pins: row.certificate_pins }),
    ...(row.certificate === null ? {} : { certificate: row.certificate }),
    ...(row.secret_waits ? { secretWaits: true as const } : {}),
    ...(row.revoked.length === 0 ? {} : { revoked: row.revoked }),
  };
}

const Revocation = z
  .object({
    serial: CertificateSerial.optional(),
    sha256: Sha256.optional(),
    reason: z.string().max(500).default(''),
  })
  .refine(({ serial, sha256 }) => (serial === undefined) !== (sha256 === undefined), {
    path: ['serial'],
    message: 'expected "serial", or "sha256" of the certificate or of its public key',
  });

/** With what a lock signs in: its secret, its certificates. */
export function lockAccessRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ lockId: z.string() });
  const roles = SUPERVISORS;
  app.put(
    '/locks/:lockId/sign-in',
    {
      config: { roles },
      schema: {
        tags: ['locks'],
        summary: 'Set what a lock signs in with',
        params,
        body: z.object({ signIn: LockSignIn, pins: Pins.default([]) }),
        response: answers({ 200: LockAccessView }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      await changeSignIn(deps, callerOf(request), lockId, request.body);
      return accessOf(deps.pool, lockId);
    },
  );
  app.post(
    '/locks/:lockId/secret',
    {
      config: { roles, creates: true },
      schema: {
        tags: ['locks'],
        summary:
          'Give a lock another secret at once; it is shown this once, and to the bridge alone where that speaks for the lock',
        params,
        response: answers({ 201: z.object({ lockId: z.string(), secret: z.string().optional() }) }),
      },
    },
    async (request, reply) => {
      const { lockId } = request.params;
      const secret = await renewSecret(deps, callerOf(request), lockId);
      return reply.code(201).send({ lockId, ...(secret === undefined ? {} : { secret }) });
    },
  );
  app.post(
    '/locks/:lockId/secret/rotate',
    {
      config: { roles, creates: true },
      schema: {
        tags: ['locks'],
        summary: 'Send a lock a new secret, which nobody sees',
        params,
        body: z.object({ overlapS: z.int().min(60).max(2_592_000).optional() }),
        response: answers({ 201: CommandView }),
      },
    },
    async (request, reply) => {
      const { lockId } = request.params;
      const command = await rotateSecret(deps, callerOf(request), lockId, request.body);
      return reply.code(201).send(commandViewOf(command));
    },
  );
  app.post(
    '/locks/:lockId/revocations',
    {
      config: { roles },
      schema: {
        tags: ['locks'],
        summary: 'Revoke a certificate of a lock',
        params,
        body: Revocation,
        response: answers({ 200: LockAccessView }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { serial, sha256, reason } = request.body;
      const mark = serial === undefined ? markOf('sha256', sha256 ?? '') : markOf('serial', serial);
      await revoke(deps, callerOf(request), lockId, { ...mark, reason });
      return accessOf(deps.pool, lockId);
    },
  );
}
