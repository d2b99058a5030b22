import type { Pool } from 'pg';
import type { Principal } from '../people/principal.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { notFound } from '../problem.ts';
import { getLock } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { discardJunk } from '../store/reports/quarantine.ts';

/** Deletes what a lock sent and nobody can read. @returns how many rows @throws ApiProblem 404 */
export async function discard(pool: Pool, caller: Principal, lockId: string): Promise<number> {
  if (!(await getLock(pool, lockId, caller.offices))) throw notFound('lock', lockId);
  return inTransaction(pool, async (db) => {
    const discarded = await discardJunk(db, lockId);
    const entry = { actor: caller.name, action: 'quarantine.discard', subject: `lock:${lockId}` };
    await audit(db, { ...entry, after: { discarded } });
    return discarded;
  });
}
