import type { Pool } from 'pg';
import { type AuditRow, listAudit } from '../store/people/audit.ts';
import { linkAudit } from '../store/people/audit-chain.ts';
import { checkAudit } from '../store/people/audit-check.ts';
import { ownAnchors } from './audit-anchors.ts';

/** Who did what, newest first; entries written before the call are linked into the chain first. */
export async function auditEntries(pool: Pool, query: Parameters<typeof listAudit>[1]): Promise<AuditRow[]> {
  await linkAudit(pool);
  return listAudit(pool, query);
}

/**
 * Whether the chain holds, by itself and against its anchors, and where it is broken; what was committed before the call is
 * linked first.
 */
export async function auditState(pool: Pool, anchors: string | undefined) {
  await linkAudit(pool);
  const { broken, ...counts } = await checkAudit(pool, ownAnchors(anchors));
  return broken === undefined ? { holds: true, ...counts } : { holds: false, ...broken, ...counts };
}
