import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

/** Shows how busy the pool is; somebody who waits for a connection is the first sign that the database is too slow. */
export function showPool(pool: Pool, registry: Registry): void {
  new Gauge({
    name: 'sealwatch_database_connections',
    help: 'Connections of the pool: busy and idle; waiting: work that waits for one',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'waiting' }, pool.waitingCount);
    },
  });
}
