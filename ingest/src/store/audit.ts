import { createHash } from 'node:crypto';
import type { Queryable } from './queryable.ts';

export interface AuditEntry {
  actor: string;
  /** What was done, e.g. `trip.release`. */
  action: string;
  /** What it was done to, e.g. `trip:` and its id. */
  subject: string;
  before?: unknown;
  after?: unknown;
}

export interface AuditRow {
  audit_id: number;
  at: Date;
  actor: string;
  action: string;
  subject: string;
  before: unknown;
  after: unknown;
  prev_hash: Buffer;
  hash: Buffer;
}

const GENESIS = Buffer.alloc(32);

/** JSON with sorted keys, as jsonb keeps no order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value as Record<string, unknown>).filter(([, field]) => field !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

function hashOf(previous: Buffer, at: Date, entry: AuditEntry): Buffer {
  const content = [
    at.toISOString(),
    entry.actor,
    entry.action,
    entry.subject,
    entry.before ?? null,
    entry.after ?? null,
  ];
  return createHash('sha256').update(previous).update(canonical(content)).digest();
}

/**
 * Appends to the audit's chain: each entry's hash covers the one before it. Call it last in the transaction that makes
 * the change, because the chain is locked from here to COMMIT.
 */
export async function audit(db: Queryable, ...entries: AuditEntry[]): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock(hashtextextended('audit', 0))`);
  const { rows } = await db.query<{ hash: Buffer }>('SELECT hash FROM audit ORDER BY audit_id DESC LIMIT 1');
  let previous = rows[0]?.hash ?? GENESIS;
  for (const entry of entries) {
    const at = new Date();
    // Through JSON once, so that what is hashed is what is stored.
    const plain = JSON.parse(JSON.stringify(entry)) as AuditEntry;
    const hash = hashOf(previous, at, plain);
    await db.query(
      `INSERT INTO audit (at, actor, action, subject, before, after, prev_hash, hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        at,
        plain.actor,
        plain.action,
        plain.subject,
        plain.before === undefined ? null : JSON.stringify(plain.before),
        plain.after === undefined ? null : JSON.stringify(plain.after),
        previous,
        hash,
      ],
    );
    previous = hash;
  }
}

/** Newest first. */
export async function listAudit(
  db: Queryable,
  filter: { subject?: string | undefined; before?: number | undefined; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await db.query<AuditRow>(
    `SELECT * FROM audit WHERE ($1::text IS NULL OR subject = $1) AND ($2::bigint IS NULL OR audit_id < $2)
     ORDER BY audit_id DESC LIMIT $3`,
    [filter.subject ?? null, filter.before ?? null, filter.limit],
  );
  return rows;
}

/**
 * Walks the chain from its beginning.
 * @returns the first entry that was changed, or before which one was removed or inserted; undefined: the chain holds
 */
export async function findBrokenAudit(db: Queryable): Promise<{ auditId: number; reason: string } | undefined> {
  let previous: Buffer = GENESIS;
  for (let after = 0; ; ) {
    const { rows } = await db.query<AuditRow>('SELECT * FROM audit WHERE audit_id > $1 ORDER BY audit_id LIMIT 1000', [
      after,
    ]);
    if (rows.length === 0) return undefined;
    for (const row of rows) {
      const linked = row.prev_hash.equals(previous);
      if (!linked) return { auditId: row.audit_id, reason: 'an entry before this one was removed or inserted' };
      if (!hashOf(previous, row.at, row).equals(row.hash)) {
        return { auditId: row.audit_id, reason: 'this entry was changed' };
      }
      previous = row.hash;
      after = row.audit_id;
    }
  }
}
