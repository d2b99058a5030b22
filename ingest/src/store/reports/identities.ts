import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import type { ReportRow } from '../../record/columns.ts';
import type { TrackedReport } from '../../record/report.ts';
import { reportKey } from '../../tracker/index.ts';
import { REPORTS } from './rows.ts';

export interface Identity {
  lockId: string;
  boot: number;
  seq: number;
  /** Fix time of the record in hand, epoch ms: where the same record would lie. */
  timeMs: number;
}

// OFFSET 0 keeps the inner question by itself, so that partitions are left out by each row's own time.
const SAME = `SELECT r.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[]) AS x(lock_id, boot, seq, t)
  CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM reports r WHERE r.lock_id = x.lock_id AND r.boot = x.boot AND r.seq = x.seq
    AND r.time = to_timestamp(x.t / 1000.0) OFFSET 0) r`;

const WITHIN = `SELECT r.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS x(lock_id, boot, first, last)
  CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM reports r WHERE r.lock_id = x.lock_id AND r.boot = x.boot
    AND r.seq BETWEEN x.first AND x.last OFFSET 0) r`;

/**
 * The stored records of these identities, whatever their time. The index of an identity holds per partition, so a record
 * that was sent again is looked up in the one partition of its time; only what is not there is
 * looked for in all of them, in runs of neighbouring numbers and not one by one: a lock's backlog is such a run.
 */
export async function recordsByIdentity(db: Queryable, identities: readonly Identity[]): Promise<TrackedReport[]> {
  if (identities.length === 0) return [];
  const { rows: same } = await db.query<ReportRow>({
    name: 'records-by-identity-and-time',
    text: SAME,
    values: [...columnsOf(identities), plainColumn(identities, (i) => i.seq), plainColumn(identities, (i) => i.timeMs)],
  });
  const found = new Set(same.map((row) => reportKey({ lockId: row.lock_id, boot: row.boot, seq: row.seq })));
  const others = identities.filter((identity) => !found.has(reportKey(identity)));
  if (others.length === 0) return same.map(REPORTS.recordOf);
  const runs = runsOf(others);
  const { rows } = await db.query<ReportRow>({
    name: 'records-by-identity',
    text: WITHIN,
    values: [...columnsOf(runs), plainColumn(runs, (run) => run.seq), plainColumn(runs, (run) => run.last)],
  });
  const asked = new Set(others.map(reportKey));
  return [
    ...same.map(REPORTS.recordOf),
    ...rows.map(REPORTS.recordOf).filter((record) => asked.has(reportKey(record))),
  ];
}

type Numbered = Pick<Identity, 'lockId' | 'boot' | 'seq'>;

const columnsOf = (of: readonly Numbered[]) => [plainColumn(of, (i) => i.lockId), plainColumn(of, (i) => i.boot)];

interface Run extends Numbered {
  last: number;
}

/** Numbers so far apart still make one run: reading a few rows too many is cheaper than another search. */
const GAP = 8;

function runsOf(identities: readonly Numbered[]): Run[] {
  const runs: Run[] = [];
  const sorted = identities.toSorted(
    (a, b) => (a.lockId < b.lockId ? -1 : a.lockId > b.lockId ? 1 : 0) || a.boot - b.boot || a.seq - b.seq,
  );
  for (const { lockId, boot, seq } of sorted) {
    const run = runs.at(-1);
    if (run && run.lockId === lockId && run.boot === boot && seq - run.last <= GAP) run.last = seq;
    else runs.push({ lockId, boot, seq, last: seq });
  }
  return runs;
}
