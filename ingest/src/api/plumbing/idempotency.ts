import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { ApiProblem } from '../../problem.ts';
import { claimKey, releaseKey, rememberAnswer } from '../../store/people/idempotency.ts';
import type { Api } from './form.ts';
import { callerOf } from './guard.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key this call has claimed, and must settle when it is answered. */
    claimed: { principal: string; key: string } | undefined;
  }
}

/**
 * Some answers hold a secret that is shown once (a lock's, a key's). They are kept sealed under the caller's own
 * Idempotency-Key, of which the store knows only a hash, and are repeated to nobody but the person or key that asked.
 */
function seal(key: string, text: string): string {
  const salt = randomBytes(16);
  const cipher = createCipheriv('aes-256-gcm', derived(key, salt), salt.subarray(0, 12));
  return Buffer.concat([salt, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function unseal(key: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const salt = bytes.subarray(0, 16);
  const decipher = createDecipheriv('aes-256-gcm', derived(key, salt), salt.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(16, -16)), decipher.final()]).toString('utf8');
}

const derived = (key: string, salt: Buffer) => Buffer.from(hkdfSync('sha256', key, salt, 'idempotent answer', 32));
const nameOf = (key: string) => createHash('sha256').update(key).digest('hex');

const KEY_FORM = /^[\x21-\x7e]{1,200}$/;

/** Honours `Idempotency-Key` on creating calls: the same key and body get the same answer and change nothing. */
export function idempotent(app: Api, pool: Pool): void {
  app.decorateRequest('claimed', undefined);

  app.addHook('preHandler', async (request: FastifyRequest, reply: FastifyReply) => {
    const key = request.headers['idempotency-key'];
    if (request.routeOptions.config.creates !== true || typeof key !== 'string') return;
    if (!KEY_FORM.test(key)) {
      throw new ApiProblem(422, 'idempotency.key', 'an Idempotency-Key is 1 to 200 printable ASCII characters');
    }
    const principal = callerOf(request).id;
    const asked = JSON.stringify([request.method, request.url, request.body ?? null]);
    const requestHash = createHash('sha256').update(asked).digest();
    const earlier = await claimKey(pool, { principal, key: nameOf(key), requestHash });
    if (earlier === undefined) {
      request.claimed = { principal, key };
      return;
    }
    if (!earlier.requestHash.equals(requestHash)) {
      throw new ApiProblem(409, 'idempotency.other-request', 'this Idempotency-Key was used for another request');
    }
    if (earlier.status === undefined || earlier.body === undefined) {
      throw new ApiProblem(409, 'idempotency.in-progress', 'the first call with this key is still at work; ask again');
    }
    await reply
      .code(earlier.status)
      .type('application/json; charset=utf-8')
      .header('idempotent-replayed', 'true')
      .serializer((body: string) => body)
      .send(unseal(key, earlier.body));
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { claimed } = request;
    if (claimed === undefined) return payload;
    request.claimed = undefined;
    const key = nameOf(claimed.key);
    // Only what was done is remembered: a refusal changes nothing and may be mended and sent again.
    if (reply.statusCode < 300 && typeof payload === 'string') {
      const body = seal(claimed.key, payload);
      await rememberAnswer(pool, { principal: claimed.principal, key, status: reply.statusCode, body });
    } else {
      await releaseKey(pool, claimed.principal, key);
    }
    return payload;
  });
}
