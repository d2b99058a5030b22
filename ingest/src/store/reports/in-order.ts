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

/** The search ends where so much time is left, or time for so many records. */
const CLOSE_MS = 60_000;
const CLOSE_RECORDS = 16;

const NUMBERED = (row: string) => `extract(epoch FROM ${row}.time) * 1000 AS at, ${row}.boot, ${row}.number_seq AS seq`;

const END = (order: '' | 'DESC') => `SELECT x.n, ${NUMBERED('r')}
  FROM unnest($1::text[]) WITH ORDINALITY AS x(lock_id, n) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT s.time, s.boot, s.number_seq FROM all_reports s WHERE s.lock_no = l.lock_no AND s.in_order
    AND s.time >= '1970-01-01' AND s.time < '2200-01-01' ORDER BY s.time ${order}, s.boot ${order}, s.number_seq ${order} LIMIT 1) r`;

const FIRST_SINCE = `SELECT x.n, ${NUMBERED('r')}
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
  WHERE r.boot = x.boot AND r.seq::bigint & 4294967295 <= x.last`;

/** A record in order, or a time with the number of the first record from there on. */
interface Place extends Numbers {
  at: number;
}

interface Search {
  run: Run;
  /** Numbered below the run. */
  low: Place;
  /** From here on no record is numbered below the run. */
  high: Place;
  endMs: number;
}

/**
 * The records in order with these numbers, wherever in time they lie: among records in order the numbers rise with the times, so
 * that a few questions for all runs together, each nearer, find them.
 */
export async function recordsInOrder(db: Queryable, runs: readonly Run[]): Promise<TrackedReport[]> {
  const searches = await searchesFor(db, runs);
  if (searches.length === 0) return [];
  let open = searches.filter(isOpen);
  for (let round = 0; open.length > 0; round++) {
    await narrow(db, open, round);
    open = open.filter(isOpen);
  }
  const found = await db.query<ReportRow>(FROM_THERE, [
    plainColumn(searches, ({ run }) => run.lockId),
    plainColumn(searches, ({ run }) => run.boot),
    plainColumn(searches, ({ run }) => run.seq),
    plainColumn(searches, ({ run }) => run.last),
    plainColumn(searches, ({ low }) => low.at),
    plainColumn(searches, ({ endMs }) => endMs),
  ]);
  return found.rows.map(REPORTS.recordOf);
}

/** Runs that the first and the last number in order of their lock do not rule out. */
async function searchesFor(db: Queryable, runs: readonly Run[]): Promise<Search[]> {
  const lockIds = [plainColumn(runs, (run) => run.lockId)];
  const ask = (order: '' | 'DESC') => db.query<Place & { n: number }>(END(order), lockIds);
  const [first, last] = await Promise.all([ask(''), ask('DESC')]);
  const ends = new Map(last.rows.map(({ n, ...place }) => [n, place]));
  return first.rows.flatMap(({ n, ...low }) => {
    const [run, high] = [runs[n - 1], ends.get(n)];
    if (!run || !high || isNumberedAbove(run, high) || isNumberedAbove(low, { boot: run.boot, seq: run.last }))
      return [];
    return [{ run, low, high, endMs: high.at }];
  });
}

const isOfOneBoot = ({ run, low, high }: Search): boolean => low.boot === run.boot && high.boot === run.boot;

/** Time from one record to the next, as it is between the two places; 0: not known. */
const stepOf = (search: Search): number =>
  isOfOneBoot(search) ? (search.high.at - search.low.at) / Math.max(1, search.high.seq - search.low.seq) : 0;

const isOpen = (search: Search): boolean =>
  search.high.at - search.low.at > Math.max(CLOSE_MS, CLOSE_RECORDS * stepOf(search));

/** Where to look next: in turn just before and just after where the run should be by its number, and in the middle. */
function nextLook(search: Search, round: number): number {
  const { run, low, high } = search;
  const stepMs = stepOf(search);
  const middle = (low.at + high.at) / 2;
  if (round % 3 === 2 || stepMs === 0) return Math.floor(middle);
  const guess = low.at + (run.seq - low.seq) * stepMs + (round % 3 === 0 ? -3 : 3) * stepMs;
  return guess > low.at && guess < high.at ? Math.floor(guess) : Math.floor(middle);
}

async function narrow(db: Queryable, open: readonly Search[], round: number): Promise<void> {
  const looks = open.map((search) => nextLook(search, round));
  const { rows } = await db.query<Place & { n: number }>(FIRST_SINCE, [
    plainColumn(open, ({ run }) => run.lockId),
    `{${looks.join()}}`,
    plainColumn(open, ({ high }) => high.at),
  ]);
  const found = new Map(rows.map(({ n, ...place }) => [n - 1, place]));
  for (const [i, search] of open.entries()) {
    const place = found.get(i);
    if (place && isNumberedAbove(search.run, place)) search.low = place;
    else search.high = { ...(place ?? search.high), at: looks[i]! };
  }
}
