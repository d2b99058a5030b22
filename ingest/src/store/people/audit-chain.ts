import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../../postgres/queryable.ts';
import { type AuditRow, audit } from './audit.ts';

/** Before the first entry. */
export const GENESIS = Buffer.alloc(32);

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

export function hashOf(previous: Buffer, row: AuditRow): Buffer {
  const content = [
    row.audit_id,
    row.at.toISOString(),
    row.actor,
    row.action,
    row.subject,
    row.before ?? null,
    row.after ?? null,
  ];
  return createHash('sha256').update(previous).update(canonical(content)).digest();
}

const BATCH = 1_000;

/**
 * Links entries that were committed since the last call: each one's hash covers the one before it. One linker at a
 * time, by an advisory lock; a second one leaves the work to the first.
 * @returns how many were linked
 */
export async function linkAudit(pool: Pool): Promise<number> {
  for (let linked = 0; ; ) {
    const more = await inTransaction(pool, linkBatch);
    linked += more;
    if (more < BATCH) return linked;
  }
}

async function linkBatch(db: Queryable): Promise<number> {
  const { rows: turn } = await db.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain', 0)) AS mine`,
  );
  if (turn[0]?.mine !== true) return 0;
  const unlinked = () =>
    db.query<AuditRow>({
      name: 'audit-unlinked',
      text: 'SELECT * FROM audit WHERE link_no IS NULL ORDER BY audit_id LIMIT $1',
      values: [BATCH],
    });
  let { rows } = await unlinked();
  if (rows.length === 0) return 0;
  const { end: head, isLost } = await endOf(db);
  if (isLost) {
    await audit(db, { ...HEAD_LOST, after: { linkNo: head?.link_no } });
    ({ rows } = await unlinked());
  }
  const links: { prev: Buffer; hash: Buffer }[] = [];
  for (const row of rows) {
    const prev = links.at(-1)?.hash ?? head?.hash ?? GENESIS;
    links.push({ prev, hash: hashOf(prev, row) });
  }
  const from = head?.link_no ?? 0;
  await db.query({
    name: 'audit-link',
    text: `UPDATE audit a SET link_no = x.link_no, prev_hash = x.prev, hash = x.hash
      FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) AS x(audit_id, link_no, prev, hash)
      WHERE a.audit_id = x.audit_id`,
    values: [
      rows.map((row) => row.audit_id),
      rows.map((_, i) => from + i + 1),
      links.map((link) => link.prev),
      links.map((link) => link.hash),
    ],
  });
  await db.query(
    `INSERT INTO audit_head (link_no, hash) VALUES ($1, $2)
     ON CONFLICT (only_one) DO UPDATE SET link_no = excluded.link_no, hash = excluded.hash`,
    [from + rows.length, links.at(-1)?.hash],
  );
  return rows.length;
}

interface Link {
  link_no: number;
  hash: Buffer;
}

/** The end of the chain as it is noted beside the entries. */
export async function headOf(db: Queryable): Promise<Link | undefined> {
  return (await db.query<Link>('SELECT link_no, hash FROM audit_head')).rows[0];
}

/** Marks in the chain that its head was gone: `checkAudit` reports it from then on. */
export const HEAD_LOST = { actor: 'platform', action: 'audit.head-lost', subject: 'audit:chain' };

/**
 * What the next entry is linked to. A head that is gone or behind was meddled with; the chain goes on from its last entry,
 * for entries that wait could be changed.
 */
async function endOf(db: Queryable): Promise<{ end: Link | undefined; isLost: boolean }> {
  const head = await headOf(db);
  const { rows } = await db.query<Link>(
    'SELECT link_no, hash FROM audit WHERE link_no IS NOT NULL ORDER BY link_no DESC LIMIT 1',
  );
  const last = rows[0];
  if (last === undefined || (head !== undefined && head.link_no >= last.link_no)) return { end: head, isLost: false };
  return { end: last, isLost: true };
}

export interface AuditLinker {
  /** Links what is committed by now, then ends. */
  stop(): Promise<void>;
}

const LINK_EVERY_MS = 500;

/** So much of the end of the chain can be cut without a trace outside the database. */
const ANCHOR_EVERY_MS = 60_000;

/**
 * Links new audit rows to the chain; a failure is logged once and tried again.
 * @param anchor keeps the end of the chain outside the database, and answers whether it has grown; once a minute at most, and at the end
 */
export function startAuditLinker(
  pool: Pool,
  log: { warn(fields: object, text: string): void },
  anchor: () => Promise<boolean> = async () => false,
  everyMs = LINK_EVERY_MS,
): AuditLinker {
  let running: Promise<unknown> | undefined;
  let failing = false;
  let anchoredMs = Number.NEGATIVE_INFINITY;
  const work = async (isLast: boolean) => {
    await linkAudit(pool);
    if (!isLast && performance.now() - anchoredMs < ANCHOR_EVERY_MS) return;
    if (await anchor()) anchoredMs = performance.now();
  };
  const link = (isLast = false) => {
    running ??= work(isLast)
      .then(() => {
        failing = false;
      })
      .catch((error) => {
        if (!failing) log.warn({ err: error }, 'the audit could not be linked or anchored; it is tried again');
        failing = true;
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const timer = setInterval(() => void link(), everyMs).unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
      await link(true);
    },
  };
}
