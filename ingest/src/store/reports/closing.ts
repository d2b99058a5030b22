import { setImmediate } from 'node:timers/promises';
import type pg from 'pg';
import { plainColumn, quotedColumn } from '../../postgres/columns.ts';
import type { StoreLog } from '../../postgres/embedded/embedded.ts';
import { type ClosablePart, closableParts, dropEmptyDays } from '../../postgres/partitions-closing.ts';
import { inTransaction, type Queryable } from '../../postgres/queryable.ts';
import { BLOCK_ROWS, Block, type BlockRow, packBlock } from '../../record/block.ts';
import { inTimeOrder } from './blocks.ts';
import { REPORTS } from './rows.ts';

const DAY_MS = 86_400_000;

/** Reports packed in one transaction, about: for so long the platform's other work waits. */
const PACKED_AT_ONCE = 2_000;
const LOCKS_AT_ONCE = 100;

export interface CloseOptions {
  nowMs: number;
  log: StoreLog;
  /** Once aborted, it ends with the transaction in hand. */
  signal?: AbortSignal;
}

/**
 * Packs the reports of days that are closed into blocks, oldest first, and drops the days; what came late for a closed day goes
 * into its blocks. Each transaction moves the reports of some locks whole, so that a statement finds them in rows or in blocks;
 * what was not committed is packed by the next round. In a hypertable nothing is done.
 */
export async function closeDays(pool: pg.Pool, { nowMs, log, signal }: CloseOptions): Promise<void> {
  const parts = await closableParts(pool, nowMs);
  for (const [i, part] of parts.entries()) {
    const reports = await closePart(pool, part, signal);
    if (signal?.aborted) return;
    if (part.day !== undefined) await dropEmptyDays(pool, [part.name]);
    if (reports > 0)
      log.info({ day: part.day ?? 'late', reports, done: i + 1, of: parts.length }, 'reports of a closed day packed');
  }
}

/** @returns how many reports were packed */
async function closePart(pool: pg.Pool, part: ClosablePart, signal: AbortSignal | undefined): Promise<number> {
  const { rows } = await pool.query<LockReports>(
    `SELECT lock_no AS "lockNo", count(*) AS n, min(time) AS "from", max(time) AS "to" FROM ${part.name} WHERE time < $1 GROUP BY lock_no ORDER BY lock_no`,
    [part.to],
  );
  let packed = 0;
  for (const slice of slicesOf(rows)) {
    if (signal?.aborted) break;
    packed += await inTransaction(pool, (db) => packSlice(db, part.name, slice));
    // reports that came meanwhile go first
    await setImmediate();
  }
  return packed;
}

interface LockReports {
  lockNo: number;
  n: number;
  from: Date;
  to: Date;
}

/** Reports of neighbouring locks, with times from `from` to `to`, both included. */
interface Slice {
  firstLock: number;
  lastLock: number;
  locks: number;
  reports: number;
  from: Date;
  to: Date;
}

function slicesOf(locks: readonly LockReports[]): Slice[] {
  const slices: Slice[] = [];
  for (const { lockNo, n, from, to } of locks) {
    const last = slices.at(-1);
    if (last && last.reports + n <= PACKED_AT_ONCE && last.locks < LOCKS_AT_ONCE) {
      last.locks += 1;
      last.reports += n;
      last.lastLock = lockNo;
      if (from < last.from) last.from = from;
      if (to > last.to) last.to = to;
    } else slices.push({ firstLock: lockNo, lastLock: lockNo, locks: 1, reports: n, from, to });
  }
  return slices;
}

type StoredRow = BlockRow & { lock_no: number };

/** @returns how many reports left the rows */
async function packSlice(db: Queryable, part: string, { firstLock, lastLock, from, to }: Slice): Promise<number> {
  // A block gives times back in milliseconds: a time that somebody wrote finer stays in its row.
  const { rows } = await db.query<StoredRow>(
    `DELETE FROM ${part} r WHERE r.lock_no BETWEEN $1 AND $2 AND r.time BETWEEN $3 AND $4
       AND r.time = date_trunc('milliseconds', r.time)
     RETURNING r.lock_no, r.in_order, ${REPORTS.select}`,
    [firstLock, lastLock, from, to],
  );
  if (rows.length === 0) return 0;
  const days = new LockDays();
  for (const row of rows) days.add(row);
  // A lock's day is packed anew as a whole, so that what comes late bit by bit leaves no small blocks.
  const { rows: former } = await db.query<{ lock_no: number; block: Buffer }>(
    `DELETE FROM report_blocks b USING unnest($1::int[], $2::float8[]) AS x(lock_no, ms)
     WHERE b.lock_no = x.lock_no AND b.first_time >= to_timestamp(x.ms / 1000.0)
       AND b.first_time < to_timestamp(x.ms / 1000.0 + 86400) RETURNING b.lock_no, b.block`,
    [plainColumn(days.all, (day) => day.lockNo), plainColumn(days.all, (day) => day.startMs)],
  );
  for (const { lock_no, block } of former) for (const row of new Block(block).rows()) days.add({ ...row, lock_no });
  await insertBlocks(db, await packedDays(days.all));
  return rows.length;
}

interface LockDay {
  lockNo: number;
  /** Of the UTC day, epoch ms. */
  startMs: number;
  rows: BlockRow[];
}

class LockDays {
  readonly #days = new Map<string, LockDay>();

  get all(): LockDay[] {
    return [...this.#days.values()];
  }

  add(row: StoredRow): void {
    const startMs = Math.floor(row.time.getTime() / DAY_MS) * DAY_MS;
    const key = `${row.lock_no} ${startMs}`;
    const day = this.#days.get(key);
    if (day) day.rows.push(row);
    else this.#days.set(key, { lockNo: row.lock_no, startMs, rows: [row] });
  }
}

interface PackedBlock {
  lockNo: number;
  rows: BlockRow[];
  block: Buffer;
}

async function packedDays(days: readonly LockDay[]): Promise<PackedBlock[]> {
  const blocks: PackedBlock[] = [];
  let packed = 0;
  for (const { lockNo, rows: all } of days) {
    for (const rows of parted(all.sort(inTimeOrder))) {
      blocks.push({ lockNo, rows, block: packBlock(rows) });
      packed += rows.length;
      if (packed < PACKED_AT_ONCE) continue;
      packed = 0;
      await setImmediate();
    }
  }
  return blocks;
}

/** @param rows by time */
function parted(rows: readonly BlockRow[]): BlockRow[][] {
  const parts: BlockRow[][] = [];
  for (let first = 0, end = 0; first < rows.length; first = end) {
    end = Math.min(first + BLOCK_ROWS, rows.length);
    while (end < rows.length && rows[end]!.time.getTime() === rows[end - 1]!.time.getTime()) end++;
    parts.push(rows.slice(first, end));
  }
  return parts;
}

async function insertBlocks(db: Queryable, blocks: readonly PackedBlock[]): Promise<void> {
  const aside = blocks.map(({ rows }) => rows.flatMap((row) => (row.in_order ? [] : [row.seq >>> 0])));
  const numbers = aside.map((seqs) => (seqs.length === 0 ? [-1] : seqs));
  await db.query(
    `INSERT INTO report_blocks (lock_no, first_time, last_time, reports, in_order, least_aside, greatest_aside, block)
     SELECT l, to_timestamp(f / 1000.0), to_timestamp(t / 1000.0), n, o, la, ga, b
     FROM unnest($1::int[], $2::float8[], $3::float8[], $4::int[], $5::boolean[], $6::bigint[], $7::bigint[], $8::bytea[])
       AS x(l, f, t, n, o, la, ga, b)`,
    [
      plainColumn(blocks, ({ lockNo }) => lockNo),
      plainColumn(blocks, ({ rows }) => rows[0]!.time.getTime()),
      plainColumn(blocks, ({ rows }) => rows.at(-1)!.time.getTime()),
      plainColumn(blocks, ({ rows }) => rows.length),
      plainColumn(blocks, ({ rows }) => rows.some((row) => row.in_order)),
      plainColumn(numbers, (seqs) => seqs.reduce((least, seq) => Math.min(least, seq))),
      plainColumn(numbers, (seqs) => seqs.reduce((most, seq) => Math.max(most, seq))),
      quotedColumn(blocks, ({ block }) => `\\x${block.toString('hex')}`),
    ],
  );
}
