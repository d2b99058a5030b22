import type { Client } from 'aedes';
import type { Evidence } from './lock-access.ts';

/** A connection that was let in, and by what. */
export interface Connection {
  client: Client;
  evidence: Evidence;
}

/**
 * The connections that were let in and are not closed, also those whose CONNACK is still to be written: whatever ends the
 * access of a lock has to find them all.
 */
export class Connections {
  readonly #byLock = new Map<string, Set<Connection>>();

  add(connection: Connection): void {
    const lockId = connection.client.id;
    const ofLock = this.#byLock.get(lockId) ?? new Set();
    this.#byLock.set(lockId, ofLock.add(connection));
    connection.client.conn.once('close', () => {
      ofLock.delete(connection);
      if (ofLock.size === 0 && this.#byLock.get(lockId) === ofLock) this.#byLock.delete(lockId);
    });
  }

  of(lockId: string): Connection[] {
    return [...(this.#byLock.get(lockId) ?? [])];
  }

  all(): Connection[] {
    return [...this.#byLock.values()].flatMap((ofLock) => [...ofLock]);
  }
}
