import type { Queryable } from '../../postgres/queryable.ts';
import type { AuditRow } from './audit.ts';
import { GENESIS, HEAD_LOST, hashOf, headOf } from './audit-chain.ts';

/** An entry of the audit and what is odd about it. Of entries that are gone: the last one before them, 0 if there is none. */
export interface AuditFault {
  auditId: number;
  reason: string;
}

export interface AuditFinding {
  /** Linked entries that were walked. */
  linked: number;
  /** Entries committed a moment ago that wait to be linked: nothing can be said of them yet. */
  unlinked: number[];
  /** The first break. */
  broken?: AuditFault;
  /** Every break, in the order of the chain, at most `FAULTS_KEPT`; absent: none. */
  breaks?: AuditFault[];
  /** What may be a clock that was set back; absent: none. */
  warnings?: AuditFault[];
}

/** The hash that a link had at some time, kept outside the database. */
export interface Anchor {
  /** RFC 3339. */
  at: string;
  linkNo: number;
  /** Hexadecimal. */
  hash: string;
}

const FAULTS_KEPT = 1_000;
const READ_AT_ONCE = 1_000;

/** An entry is linked within moments of its writing. A time so far before that of the entry linked before it is odd. */
const STEP_BACK_MS = 10 * 60_000;

/**
 * Walks the whole chain in the order of its links and compares its end with the head, and its links with anchors.
 * @param anchors as they were kept outside, in batches
 */
export async function checkAudit(db: Queryable, anchors: AsyncIterable<Anchor[]> = none()): Promise<AuditFinding> {
  const { rows: waiting } = await db.query<{ audit_id: number }>(
    'SELECT audit_id FROM audit WHERE link_no IS NULL ORDER BY audit_id LIMIT 1000',
  );
  const head = await headOf(db);
  const [breaks, warnings]: [AuditFault[], AuditFault[]] = [[], []];
  let linked = 0;
  let last: AuditRow | undefined;
  for (;;) {
    const { rows } = await db.query<AuditRow>(
      `SELECT * FROM audit WHERE link_no > $1 ORDER BY link_no LIMIT ${READ_AT_ONCE}`,
      [last?.link_no ?? Number.MIN_SAFE_INTEGER],
    );
    for (const row of rows) {
      note(breaks, row, faultOf(row, last));
      note(warnings, row, stepBackOf(row, last));
      last = row;
    }
    linked += rows.length;
    if (rows.length === 0) break;
  }
  note(breaks, last, await faultOfEnd(db, head, last));
  for await (const some of anchors) breaks.push(...(await faultsOfAnchors(db, some, FAULTS_KEPT - breaks.length)));
  return {
    linked,
    unlinked: waiting.map((row) => row.audit_id),
    ...(breaks[0] ? { broken: breaks[0], breaks } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

async function* none(): AsyncGenerator<Anchor[]> {}

function note(faults: AuditFault[], row: AuditRow | undefined, reason: string | undefined): void {
  if (reason !== undefined && faults.length < FAULTS_KEPT) faults.push({ auditId: row?.audit_id ?? 0, reason });
}

/** Each entry is held against the one before it as that one is now, so that one break is one finding. */
function faultOf(row: AuditRow, before: AuditRow | undefined): string | undefined {
  const due = (before?.link_no ?? 0) + 1;
  if (row.link_no !== due) {
    return `an entry before this one was removed or inserted: its link is ${row.link_no}, due is ${due}`;
  }
  if (row.hash === null || row.prev_hash === null || !hashOf(row.prev_hash, row).equals(row.hash)) {
    return 'this entry was changed';
  }
  const previous = before === undefined ? GENESIS : before.hash;
  if (previous === null || !row.prev_hash.equals(previous)) {
    return 'an entry before this one was removed or inserted, or changed and hashed again';
  }
  if (row.action !== HEAD_LOST.action || row.actor !== HEAD_LOST.actor) return undefined;
  return 'the head of the chain was gone when this entry was written: entries directly before it may have been removed';
}

function stepBackOf(row: AuditRow, before: AuditRow | undefined): string | undefined {
  const backMs = (before?.at.getTime() ?? 0) - row.at.getTime();
  if (backMs < STEP_BACK_MS) return undefined;
  const minutes = Math.round(backMs / 60_000);
  return `its time lies ${minutes} min before that of the entry linked before it: a clock was set back, or it was inserted`;
}

type Head = Awaited<ReturnType<typeof headOf>>;

/** The head was read before the walk, so the chain may have grown beyond it. */
async function faultOfEnd(db: Queryable, head: Head, last: AuditRow | undefined): Promise<string | undefined> {
  if (head === undefined) {
    const isGone = last !== undefined && (await headOf(db)) === undefined;
    return isGone ? 'the head of the chain was removed, and perhaps entries after this one with it' : undefined;
  }
  if (head.link_no > (last?.link_no ?? 0)) return 'entries after this one were removed';
  const { rows } = await db.query<{ same: boolean }>('SELECT hash = $2 AS same FROM audit WHERE link_no = $1', [
    head.link_no,
    head.hash,
  ]);
  return rows[0]?.same === true ? undefined : 'the head of the chain is not that of the entry it names';
}

async function faultsOfAnchors(db: Queryable, anchors: Anchor[], most: number): Promise<AuditFault[]> {
  const { rows } = await db.query<{ link_no: number; audit_id: number; hash: Buffer }>(
    'SELECT link_no, audit_id, hash FROM audit WHERE link_no = ANY($1::bigint[])',
    [anchors.map(({ linkNo }) => linkNo)],
  );
  const kept = new Map(rows.map((row) => [row.link_no, row]));
  const faults = anchors.flatMap(({ at, linkNo, hash }): AuditFault[] => {
    const row = kept.get(linkNo);
    if (row === undefined) return [{ auditId: 0, reason: `link ${linkNo}, anchored at ${at}, was removed` }];
    if (row.hash.toString('hex') === hash) return [];
    const reason = `link ${linkNo} is not the one anchored at ${at}: the chain was written again`;
    return [{ auditId: row.audit_id, reason }];
  });
  return faults.slice(0, Math.max(0, most));
}

/** The last linked entry, as it may be kept outside; undefined: nothing is linked. */
export async function anchorOf(db: Queryable): Promise<Omit<Anchor, 'at'> | undefined> {
  const head = await headOf(db);
  return head && { linkNo: head.link_no, hash: head.hash.toString('hex') };
}

/** Whether the chain still has a link as it was anchored. */
export async function hasAnchor(db: Queryable, anchor: Pick<Anchor, 'linkNo' | 'hash'>): Promise<boolean> {
  const { rows } = await db.query('SELECT 1 FROM audit WHERE link_no = $1 AND hash = $2', [
    anchor.linkNo,
    Buffer.from(anchor.hash, 'hex'),
  ]);
  return rows.length === 1;
}
