import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { isNumberedAbove } from '../../record/numbers.ts';
import type { TrackedReport } from '../../record/report.ts';
import { reportKey } from '../../tracker/index.ts';
import { ALL_COLUMNS, blocksBetween, type FoundRow, rowsAndBlocks, rowsWithin, unpacked } from './blocks.ts';
import { nearestInOrder, type Run, type RunRow, recordsInOrder, rowsOfRun } from './in-order.ts';
import { REPORTS } from './rows.ts';

export interface Identity {
  lockId: string;
  boot: number;
  seq: number;
  /** Fix time of the record in hand, epoch ms: where the same record would lie. */
  timeMs: number;
}

const ASKED = 'unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[]) AS x(lock_id, boot, seq, t)';

const AT = 'to_timestamp(x.t / 1000.0)';

const SAME = `SELECT l.lock_id, x.boot AS of_boot, x.seq AS of_seq, x.t AS at_ms, r.* FROM ${ASKED} JOIN locks l USING (lock_id) CROSS JOIN LATERAL (${rowsAndBlocks(
  ALL_COLUMNS,
  `all_reports r WHERE r.lock_no = l.lock_no AND r.boot = x.boot AND r.number_seq = x.seq AND r.time = ${AT}`,
  blocksBetween('l.lock_no', AT, `${AT} + interval '1 ms'`),
)}) r`;

const OUT_OF_ORDER = `SELECT l.lock_id, x.boot AS of_boot, x.first, x.last, r.*
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[])
    AS x(lock_id, boot, first, last, first_cell, last_cell) JOIN locks l USING (lock_id) CROSS JOIN LATERAL (${rowsAndBlocks(
      ALL_COLUMNS,
      `all_reports r WHERE r.lock_no = l.lock_no AND NOT r.in_order AND r.boot = x.boot
        AND r.seq BETWEEN x.first_cell AND x.last_cell AND r.number_seq BETWEEN x.first AND x.last`,
      `report_blocks b WHERE b.lock_no = l.lock_no AND b.greatest_aside >= x.first AND b.least_aside <= x.last
        AND b.greatest_aside >= 0`,
    )}) r`;

interface SameRow extends FoundRow {
  of_boot: number;
  of_seq: number;
  at_ms: number;
}

/**
 * The stored records of these identities, whatever their time. A record that was sent again is looked up at its time, in one
 * partition. What is not there may be stored with another time: out of order, then an index of such records finds it by its
 * number; or in order, which nearly always the two neighbours in time rule out, because between them the numbers rise.
 */
export async function recordsByIdentity(db: Queryable, identities: readonly Identity[]): Promise<TrackedReport[]> {
  if (identities.length === 0) return [];
  const { rows: same } = await db.query<SameRow>({
    name: 'records-by-identity-and-time',
    text: SAME,
    values: [...numbersOf(identities), plainColumn(identities, (i) => i.timeMs)],
  });
  const records = unpacked(same, (block, { of_boot, of_seq, at_ms }) =>
    rowsWithin(block, { fromMs: at_ms, toMs: at_ms + 1 }).filter(
      ({ boot, seq }) => boot === of_boot && seq >>> 0 === of_seq,
    ),
  ).map(REPORTS.recordOf);
  const found = new Set(records.map(reportKey));
  const others = identities.filter((identity) => !found.has(reportKey(identity)));
  if (others.length === 0) return records;
  const [aside, open] = await Promise.all([outOfOrder(db, runsOf(others)), notRuledOut(db, others)]);
  const inOrder = open.length === 0 ? [] : await recordsInOrder(db, runsOf(open));
  const asked = new Set(others.map(reportKey));
  // two runs may have found it in one block
  const elsewhere = new Map([...aside, ...inOrder].map((record) => [reportKey(record), record]));
  return [...records, ...[...elsewhere].flatMap(([key, record]) => (asked.has(key) ? [record] : []))];
}

async function outOfOrder(db: Queryable, runs: readonly Run[]): Promise<TrackedReport[]> {
  const { rows } = await db.query<RunRow>({
    name: 'records-out-of-order',
    text: OUT_OF_ORDER,
    values: [
      ...numbersOf(runs),
      plainColumn(runs, (run) => run.last),
      plainColumn(runs, (run) => run.seq | 0),
      plainColumn(runs, (run) => run.last | 0),
    ],
  });
  return unpacked(rows, rowsOfRun).map(REPORTS.recordOf);
}

const DAY_MS = 86_400_000;

/** Those that may be stored in order with another time: not between the numbers in order just before and just after their time. */
async function notRuledOut(db: Queryable, identities: readonly Identity[]): Promise<Identity[]> {
  const before = identities.map(({ lockId, timeMs }) => ({ lockId, fromMs: timeMs - DAY_MS + 1, toMs: timeMs + 1 }));
  const after = identities.map(({ lockId, timeMs }) => ({ lockId, fromMs: timeMs + 1, toMs: timeMs + DAY_MS }));
  const [earlier, later] = await Promise.all([nearestInOrder(db, before, 'last'), nearestInOrder(db, after, 'first')]);
  return identities.filter((asked, i) => {
    const [low, high] = [earlier[i], later[i]];
    return !(low && high && isNumberedAbove(asked, low) && isNumberedAbove(high, asked));
  });
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
