import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../../postgres/queryable.ts';
import type { AuditRow } from './audit.ts';

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

function hashOf(previous: Buffer, row: AuditRow): Buffer {
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
  const { rows } = await db.query<AuditRow>({
    name: 'audit-unlinked',
    text: 'SELECT * FROM audit WHERE link_no IS NULL ORDER BY audit_id LIMIT $1',
    values: [BATCH],
  });
  if (rows.length === 0) return 0;
  const head = await headOf(db);
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

async function headOf(db: Queryable): Promise<{ link_no: number; hash: Buffer } | undefined> {
  return (await db.query<{ link_no: number; hash: Buffer }>('SELECT link_no, hash FROM audit_head')).rows[0];
}

export interface AuditLinker {
  /** Links what is committed by now, then ends. */
  stop(): Promise<void>;
}

const LINK_EVERY_MS = 500;

/** Links new audit rows to the chain; a failure is logged once and tried again. */
export function startAuditLinker(
  pool: Pool,
  log: { warn(fields: object, text: string): void },
  everyMs = LINK_EVERY_MS,
): AuditLinker {
  let running: Promise<unknown> | undefined;
  let failing = false;
  const link = () => {
    running ??= linkAudit(pool)
      .then(() => {
        failing = false;
      })
      .catch((error) => {
        if (!failing) log.warn({ err: error }, 'the audit could not be linked; it is tried again');
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
      await link();
    },
  };
}

export interface AuditFinding {
  /** Linked entries that were walked. */
  linked: number;
  /** Entries committed a moment ago that wait to be linked: nothing can be said of them yet. */
  unlinked: number[];
  /** The first entry that was changed, or before or after which one was removed or inserted. */
  broken?: { auditId: number; reason: string };
}

/**
 * An entry is linked within moments of its writing. One whose time lies so far before that of the entry linked before it
 * was put in afterwards, with a time of the past.
 */
const BACKDATED_MS = 10 * 60_000;

/** Walks the chain from its beginning. */
export async function checkAudit(db: Queryable): Promise<AuditFinding> {
  const { rows: waiting } = await db.query<{ audit_id: number }>(
    'SELECT audit_id FROM audit WHERE link_no IS NULL ORDER BY audit_id LIMIT 1000',
  );
  const head = await headOf(db);
  const finding = { linked: 0, unlinked: waiting.map((row) => row.audit_id) };
  let before: AuditRow | undefined;
  for (;;) {
    const { rows } = await db.query<AuditRow>('SELECT * FROM audit WHERE link_no > $1 ORDER BY link_no LIMIT 1000', [
      finding.linked,
    ]);
    for (const row of rows) {
      const reason = faultOf(row, finding.linked + 1, before);
      if (reason !== undefined) return { ...finding, broken: { auditId: row.audit_id, reason } };
      before = row;
      finding.linked++;
    }
    if (rows.length === 0) break;
  }
  const gone = head === undefined && finding.linked > 0 && (await headOf(db)) === undefined;
  if (gone || (head?.link_no ?? 0) > finding.linked) {
    return { ...finding, broken: { auditId: before?.audit_id ?? 0, reason: 'entries after this one were removed' } };
  }
  return finding;
}

function faultOf(row: AuditRow, linkNo: number, before: AuditRow | undefined): string | undefined {
  const previous = before?.hash ?? GENESIS;
  if (row.link_no !== linkNo || row.prev_hash?.equals(previous) !== true) {
    return 'an entry before this one was removed or inserted';
  }
  if (row.hash === null || !hashOf(previous, row).equals(row.hash)) return 'this entry was changed';
  const backMs = (before?.at.getTime() ?? 0) - row.at.getTime();
  if (backMs < BACKDATED_MS) return undefined;
  return `this entry was inserted: its time lies ${Math.round(backMs / 60_000)} min before that of the entry linked before it`;
}
