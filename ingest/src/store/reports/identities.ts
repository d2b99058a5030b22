import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import type { ReportRow } from '../../record/columns.ts';
import { isNumberedAbove } from '../../record/numbers.ts';
import type { TrackedReport } from '../../record/report.ts';
import { reportKey } from '../../tracker/index.ts';
import { type Run, recordsInOrder } from './in-order.ts';
import { REPORTS } from './rows.ts';

export interface Identity {
  lockId: string;
  boot: number;
  seq: number;
  /** Fix time of the record in hand, epoch ms: where the same record would lie. */
  timeMs: number;
}

const ASKED = 'unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[]) AS x(lock_id, boot, seq, t)';

// OFFSET 0 keeps the inner question by itself, so that partitions are left out by each row's own time.
const SAME = `SELECT l.lock_id, r.* FROM ${ASKED} JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM all_reports r WHERE r.lock_no = l.lock_no AND r.boot = x.boot
    AND r.number_seq = x.seq AND r.time = to_timestamp(x.t / 1000.0) OFFSET 0) r`;

const OUT_OF_ORDER = `SELECT l.lock_id, r.*
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[])
    AS x(lock_id, boot, first, last, first_cell, last_cell) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM all_reports r WHERE r.lock_no = l.lock_no AND NOT r.in_order
    AND r.boot = x.boot AND r.seq BETWEEN x.first_cell AND x.last_cell
    AND r.number_seq BETWEEN x.first AND x.last OFFSET 0) r`;

/** The records in order just before and just after a time, within a day of it. */
const NEIGHBOURS = `SELECT x.n, b.boot AS boot_before, b.number_seq AS seq_before, a.boot AS boot_after, a.number_seq AS seq_after
  FROM unnest($1::text[], $2::float8[]) WITH ORDINALITY AS x(lock_id, t, n) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT r.boot, r.number_seq FROM all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
    AND r.time <= to_timestamp(x.t / 1000.0) AND r.time > to_timestamp(x.t / 1000.0 - 86400)
    ORDER BY r.time DESC, r.boot DESC, r.number_seq DESC LIMIT 1) b
  CROSS JOIN LATERAL (SELECT r.boot, r.number_seq FROM all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
    AND r.time > to_timestamp(x.t / 1000.0) AND r.time < to_timestamp(x.t / 1000.0 + 86400)
    ORDER BY r.time, r.boot, r.number_seq LIMIT 1) a`;

/**
 * The stored records of these identities, whatever their time. A record that was sent again is looked up at its time, in one
 * partition. What is not there may be stored with another time: out of order, then an index of such records finds it by its
 * number; or in order, which nearly always the two neighbours in time rule out, because between them the numbers rise.
 */
export async function recordsByIdentity(db: Queryable, identities: readonly Identity[]): Promise<TrackedReport[]> {
  if (identities.length === 0) return [];
  const { rows: same } = await db.query<ReportRow>({
    name: 'records-by-identity-and-time',
    text: SAME,
    values: [...numbersOf(identities), plainColumn(identities, (i) => i.timeMs)],
  });
  const records = same.map(REPORTS.recordOf);
  const found = new Set(records.map(reportKey));
  const others = identities.filter((identity) => !found.has(reportKey(identity)));
  if (others.length === 0) return records;
  const [aside, open] = await Promise.all([outOfOrder(db, runsOf(others)), notRuledOut(db, others)]);
  const inOrder = open.length === 0 ? [] : await recordsInOrder(db, runsOf(open));
  const asked = new Set(others.map(reportKey));
  return [...records, ...[...aside, ...inOrder].filter((record) => asked.has(reportKey(record)))];
}

async function outOfOrder(db: Queryable, runs: readonly Run[]): Promise<TrackedReport[]> {
  const { rows } = await db.query<ReportRow>({
    name: 'records-out-of-order',
    text: OUT_OF_ORDER,
    values: [
      ...numbersOf(runs),
      plainColumn(runs, (run) => run.last),
      plainColumn(runs, (run) => run.seq | 0),
      plainColumn(runs, (run) => run.last | 0),
    ],
  });
  return rows.map(REPORTS.recordOf);
}

interface Neighbours {
  n: number;
  boot_before: number;
  seq_before: number;
  boot_after: number;
  seq_after: number;
}

/** Those that may be stored in order with another time. */
async function notRuledOut(db: Queryable, identities: readonly Identity[]): Promise<Identity[]> {
  const { rows } = await db.query<Neighbours>({
    name: 'neighbours-in-order',
    text: NEIGHBOURS,
    values: [plainColumn(identities, (i) => i.lockId), plainColumn(identities, (i) => i.timeMs)],
  });
  const ruledOut = new Set<number>();
  for (const { n, boot_before, seq_before, boot_after, seq_after } of rows) {
    const asked = identities[n - 1]!;
    const isBetween =
      isNumberedAbove(asked, { boot: boot_before, seq: seq_before }) &&
      isNumberedAbove({ boot: boot_after, seq: seq_after }, asked);
    if (isBetween) ruledOut.add(n - 1);
  }
  return identities.filter((_, i) => !ruledOut.has(i));
}

type Numbered = Pick<Identity, 'lockId' | 'boot' | 'seq'>;

const numbersOf = (of: readonly Numbered[]) => [
  plainColumn(of, (i) => i.lockId),
  plainColumn(of, (i) => i.boot),
  plainColumn(of, (i) => i.seq),
];

/** Numbers so far apart still make one run: reading a few rows too many is cheaper than another search. */
const GAP = 8;
/** The column of the numbers has a sign: from here on they are negative there. */
const SIGN = 2 ** 31;

function runsOf(identities: readonly Numbered[]): Run[] {
  const runs: Run[] = [];
  const sorted = identities.toSorted(
    (a, b) => (a.lockId < b.lockId ? -1 : a.lockId > b.lockId ? 1 : 0) || a.boot - b.boot || a.seq - b.seq,
  );
  for (const { lockId, boot, seq } of sorted) {
    const run = runs.at(-1);
    const goesOn = run && run.lockId === lockId && run.boot === boot && seq - run.last <= GAP;
    if (goesOn && run.last < SIGN === seq < SIGN) run.last = seq;
    else runs.push({ lockId, boot, seq, last: seq });
  }
  return runs;
}
