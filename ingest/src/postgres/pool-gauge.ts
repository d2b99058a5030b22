import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

/** Shows how busy the pools are; somebody who waits for a connection is the first sign that the database is too slow. */
export function showPools(pools: Record<string, Pool>, registry: Registry): void {
  new Gauge({
    name: 'sealwatch_database_connections',
    help: 'Connections of each pool: busy and idle; waiting: work that waits for one',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [name, pool] of Object.entries(pools)) {
        this.set({ pool: name, state: 'busy' }, pool.totalCount - pool.idleCount);
        this.set({ pool: name, state: 'idle' }, pool.idleCount);
        this.set({ pool: name, state: 'waiting' }, pool.waitingCount);
      }
    },
  });
}
