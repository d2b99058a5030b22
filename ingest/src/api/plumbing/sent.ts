import { unusedMembers, type Warning } from '@sealwatch/schemas';
import type { FastifyRequest } from 'fastify';
import { pathOf } from './validation.ts';

const bodies = new WeakMap<object, unknown>();

/** A hook before validation, which replaces the body by what the schema reads of it. */
export async function keepSentBody(request: FastifyRequest): Promise<void> {
  bodies.set(request, request.body);
}

/** Members of the body that the schema of the call does not have; the call must have the hook `keepSentBody`. */
export function unusedWarnings(request: { body: unknown }): Warning[] {
  return unusedMembers(bodies.get(request), request.body).map((path) => ({
    path: pathOf(path),
    message: 'was not used: there is no such member here',
  }));
}
