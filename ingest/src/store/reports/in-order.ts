import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import type { ReportRow } from '../../record/columns.ts';
import { isNumberedAbove, type Numbers } from '../../record/numbers.ts';
import type { TrackedReport } from '../../record/report.ts';
import { REPORTS } from './rows.ts';

/** Neighbouring numbers of a lock, from `seq` to `last`. */
export interface Run extends Numbers {
  lockId: string;
  last: number;
}

/** The search ends where so much time is left: a lock reports a few times in it. */
const CLOSE_MS = 60_000;

const ENDS = `SELECT x.n, extract(epoch FROM f.time) * 1000 AS first, extract(epoch FROM t.time) * 1000 AS last
  FROM unnest($1::text[]) WITH ORDINALITY AS x(lock_id, n) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT r.time FROM all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
    AND r.time >= '1970-01-01' AND r.time < '2200-01-01' ORDER BY r.time LIMIT 1) f
  CROSS JOIN LATERAL (SELECT r.time FROM all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
    AND r.time >= f.time AND r.time < '2200-01-01' ORDER BY r.time DESC LIMIT 1) t`;

const FIRST_SINCE = `SELECT x.n, r.boot, r.number_seq AS seq, extract(epoch FROM r.time) * 1000 AS at
  FROM unnest($1::text[], $2::float8[], $3::float8[]) WITH ORDINALITY AS x(lock_id, f, t, n) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT s.boot, s.number_seq, s.time FROM all_reports s WHERE s.lock_no = l.lock_no AND s.in_order
    AND s.time >= to_timestamp(x.f / 1000.0) AND s.time <= to_timestamp(x.t / 1000.0)
    ORDER BY s.time, s.boot, s.number_seq LIMIT 1) r`;

const FROM_THERE = `SELECT l.lock_id, r.*
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::float8[], $6::float8[])
    AS x(lock_id, boot, first, last, f, t) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT ${REPORTS.select} FROM all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
    AND r.time >= to_timestamp(x.f / 1000.0) AND r.time <= to_timestamp(x.t / 1000.0)
    AND (r.boot, r.number_seq) >= (x.boot, x.first) ORDER BY r.time, r.boot, r.number_seq LIMIT x.last - x.first + 1) r
  WHERE r.boot = x.boot`;

interface Search {
  run: Run;
  /** Records in order before `fromMs` have lower numbers than the run; the first that has not is before `toMs` or the first after. */
  fromMs: number;
  toMs: number;
  endMs: number;
}

/**
 * The records in order with these numbers, wherever in time they lie: among records in order the numbers rise with the times,
 * so that halving the time finds them; as many short questions for all runs together as a lock's life has minutes, by log₂.
 */
export async function recordsInOrder(db: Queryable, runs: readonly Run[]): Promise<TrackedReport[]> {
  const { rows } = await db.query<{ n: number; first: number; last: number }>(ENDS, [
    plainColumn(runs, (r) => r.lockId),
  ]);
  const searches = rows.map(
    ({ n, first, last }): Search => ({
      run: runs[n - 1]!,
      fromMs: first,
      toMs: last,
      endMs: last,
    }),
  );
  for (let open = searches; open.length > 0; ) {
    open = open.filter(({ fromMs, toMs }) => toMs - fromMs > CLOSE_MS);
    if (open.length > 0) await halve(db, open);
  }
  if (searches.length === 0) return [];
  const found = await db.query<ReportRow>(FROM_THERE, [
    plainColumn(searches, ({ run }) => run.lockId),
    plainColumn(searches, ({ run }) => run.boot),
    plainColumn(searches, ({ run }) => run.seq),
    plainColumn(searches, ({ run }) => run.last),
    plainColumn(searches, ({ fromMs }) => fromMs),
    plainColumn(searches, ({ endMs }) => endMs),
  ]);
  return found.rows.map(REPORTS.recordOf);
}

async function halve(db: Queryable, open: readonly Search[]): Promise<void> {
  const middles = open.map(({ fromMs, toMs }) => Math.floor((fromMs + toMs) / 2));
  const { rows } = await db.query<Numbers & { n: number; at: number }>(FIRST_SINCE, [
    plainColumn(open, ({ run }) => run.lockId),
    `{${middles.join()}}`,
    plainColumn(open, ({ toMs }) => toMs),
  ]);
  const first = new Map(rows.map((row) => [row.n - 1, row]));
  for (const [i, search] of open.entries()) {
    const row = first.get(i);
    if (row && isNumberedAbove(search.run, row)) search.fromMs = row.at;
    else search.toMs = middles[i]!;
  }
}
