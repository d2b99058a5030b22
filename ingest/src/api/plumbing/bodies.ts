import { setImmediate } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { JsonCounter } from '../../parsing/json-limits.ts';
import { requireStorable } from '../../parsing/unstorable.ts';
import { wrongField } from '../../problem.ts';
import type { Api } from './form.ts';

/** The largest body of JSON that is parsed here, 10,000 locks to import, has 30,000 values. */
const LIMITS = { depth: 32, values: 50_000, members: 30_000 };
/** Bytes counted before other work gets its turn, some milliseconds. */
const SLICE = 1024 * 1024;

/**
 * JSON is counted before it is parsed, and what cannot be kept is refused at the edge, by one rule for bodies, queries
 * and addresses: text with U+0000 or half of a surrogate pair is 422 with its path.
 */
export function readBodies(app: Api): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const counter = new JsonCounter(LIMITS);
    for (let at = 0; at < body.length; at += SLICE) {
      if (at > 0) await setImmediate();
      counter.count(body, at, Math.min(body.length, at + SLICE));
    }
    return await new Promise<unknown>((resolve, reject) => {
      parse(request, body.toString('utf8'), (error, value) => (error ? reject(error) : resolve(value)));
    });
  });
  app.addHook('preValidation', async (request) => {
    if (request.is404) return;
    requireStorable(request.params);
    requireStorable(request.query);
    requireReadable(request.url);
    if (!Buffer.isBuffer(request.body)) requireStorable(request.body);
  });
}

/** A query with an escape that is no UTF-8 would be taken as the letters of the escape. */
function requireReadable(url: string): void {
  const query = url.split('?')[1] ?? '';
  if (!query.includes('%')) return;
  for (const part of query.split('&')) {
    const [name = '', ...value] = part.split('=');
    try {
      decodeURIComponent(part.replaceAll('+', ' '));
    } catch {
      const message = 'expected percent-encoded UTF-8';
      throw wrongField('request.invalid', { path: name.slice(0, 100), message, value: value.join('=').slice(0, 200) });
    }
  }
}
