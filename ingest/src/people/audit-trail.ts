import type { Pool } from 'pg';
import { type AuditRow, listAudit } from '../store/people/audit.ts';
import { linkAudit } from '../store/people/audit-chain.ts';
import { checkAudit } from '../store/people/audit-check.ts';

/** Who did what, newest first; entries written before the call are linked into the chain first. */
export async function auditEntries(pool: Pool, query: Parameters<typeof listAudit>[1]): Promise<AuditRow[]> {
  await linkAudit(pool);
  return listAudit(pool, query);
}

/** Whether the chain holds, and where it is broken; what was committed before the call is linked first. */
export async function auditState(pool: Pool) {
  await linkAudit(pool);
  const { broken, ...counts } = await checkAudit(pool);
  return broken === undefined ? { holds: true, ...counts } : { holds: false, ...broken, ...counts };
}
