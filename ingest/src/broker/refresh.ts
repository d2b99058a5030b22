import { setImmediate } from 'node:timers/promises';
import { type Authentication, checkAccess } from './authenticate.ts';
import type { Connection } from './connections.ts';
import type { FrameGuard } from './frame-guard.ts';

/** Connections that are judged again in one turn of the event loop. */
const AT_ONCE = 200;

/** Judges a connection again and closes it if it would not be let in now. @param unchecked what follows where nobody can say */
async function refresh(context: Authentication, { client, evidence }: Connection, unchecked: 'close' | 'keep') {
  const { outcome, reason } = await checkAccess(context, evidence);
  if (outcome === 'right' || (outcome === 'unchecked' && unchecked === 'keep') || client.closed) return;
  context.metrics.refused('session', reason);
  context.options.log.warn({ lockId: client.id, reason }, 'connection ended');
  (client.conn as FrameGuard).revoked = true;
  client.close();
}

/** Judges the connections of a lock again, those that wait for their CONNACK as well; a CONNECT under way sees it by itself. */
export async function refreshLock(context: Authentication, lockId: string): Promise<void> {
  context.access.forget(lockId);
  await Promise.all(context.connections.of(lockId).map((connection) => refresh(context, connection, 'close')));
}

/** Judges all connections again. While the store cannot be read they stay: their locks would all come back at once. */
export async function refreshAll(context: Authentication): Promise<void> {
  context.access.forgetAll();
  const connections = context.connections.all();
  while (connections.length > 0) {
    await Promise.all(connections.splice(0, AT_ONCE).map((connection) => refresh(context, connection, 'keep')));
    await setImmediate();
  }
}
