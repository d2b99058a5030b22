import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import type { Block, BlockRow } from '../../record/block.ts';
import { isNumberedAbove, type Numbers } from '../../record/numbers.ts';
import type { TrackedReport } from '../../record/report.ts';
import { ALL_COLUMNS, blocksBetween, EVER, type FoundRow, onlyColumns, rowsAndBlocks, unpacked } from './blocks.ts';
import { type Look, nearestRecords, type Wanted } from './nearest.ts';
import { REPORTS } from './rows.ts';

/** Neighbouring numbers of a lock, from `seq` to `last`. */
export interface Run extends Numbers {
  lockId: string;
  last: number;
}

/** The search ends where so much time is left, or time for so many records. */
const CLOSE_MS = 60_000;
const CLOSE_RECORDS = 16;

const NUMBERS = onlyColumns(['time', 'boot', 'seq']);

/** The first or the last record in order of each look. @returns by place in `looks`; undefined: there is none */
export async function nearestInOrder(
  db: Queryable,
  looks: readonly Look[],
  end: Wanted['end'],
): Promise<(Place | undefined)[]> {
  const found = await nearestRecords(db, looks, { end, only: 'in order', columns: NUMBERS });
  return found.map((row) => row && { at: row.time.getTime(), boot: row.boot, seq: row.seq >>> 0 });
}

// Of blocks those up to where no number is below the run, and from there on as many as the run may be spread over.
const FROM_THERE = `SELECT l.lock_id, x.boot AS of_boot, x.first, x.last, r.*
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[])
    AS x(lock_id, boot, first, last, f, t, h) JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (${rowsAndBlocks(
    ALL_COLUMNS,
    `all_reports r WHERE r.lock_no = l.lock_no AND r.in_order
      AND r.time >= to_timestamp(x.f / 1000.0) AND r.time <= to_timestamp(x.t / 1000.0)
      AND (r.boot, r.number_seq) >= (x.boot, x.first) ORDER BY r.time, r.boot, r.number_seq LIMIT x.last - x.first + 1`,
    `((SELECT b.block FROM ${blocksBetween('l.lock_no', 'to_timestamp(x.f / 1000.0)', 'to_timestamp(x.h / 1000.0)')} AND b.in_order)
      UNION ALL (SELECT b.block FROM report_blocks b WHERE b.lock_no = l.lock_no AND b.in_order
        AND b.first_time >= to_timestamp(x.h / 1000.0) AND b.first_time <= to_timestamp(x.t / 1000.0)
        ORDER BY b.first_time LIMIT x.last - x.first + 1)) b`,
  )}) r WHERE r.block IS NOT NULL OR r.boot = x.boot AND r.seq::bigint & 4294967295 <= x.last`;

/** What a statement answers for a run. */
export interface RunRow extends FoundRow {
  of_boot: number;
  first: number;
  last: number;
}

export const rowsOfRun = (block: Block, { of_boot, first, last }: RunRow): BlockRow[] =>
  block.numbered(of_boot, first, last);

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
  const { rows } = await db.query<RunRow>(FROM_THERE, [
    plainColumn(searches, ({ run }) => run.lockId),
    plainColumn(searches, ({ run }) => run.boot),
    plainColumn(searches, ({ run }) => run.seq),
    plainColumn(searches, ({ run }) => run.last),
    plainColumn(searches, ({ low }) => low.at),
    plainColumn(searches, ({ endMs }) => endMs),
    plainColumn(searches, ({ high }) => high.at),
  ]);
  return unpacked(rows, rowsOfRun).map(REPORTS.recordOf);
}

/** Runs that the first and the last number in order of their lock do not rule out. */
async function searchesFor(db: Queryable, runs: readonly Run[]): Promise<Search[]> {
  const looks = runs.map(({ lockId }) => ({ lockId, ...EVER }));
  const [first, last] = await Promise.all([nearestInOrder(db, looks, 'first'), nearestInOrder(db, looks, 'last')]);
  return runs.flatMap((run, i) => {
    const [low, high] = [first[i], last[i]];
    if (!low || !high || isNumberedAbove(run, high) || isNumberedAbove(low, { boot: run.boot, seq: run.last }))
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
  const found = await nearestInOrder(
    db,
    open.map(({ run, high }, i) => ({ lockId: run.lockId, fromMs: looks[i]!, toMs: high.at + 1 })),
    'first',
  );
  for (const [i, search] of open.entries()) {
    const place = found[i];
    if (place && isNumberedAbove(search.run, place)) search.low = place;
    else search.high = { ...(place ?? search.high), at: looks[i]! };
  }
}
