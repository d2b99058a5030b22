import { Block, type BlockRow } from '../../record/block.ts';
import type { ReportRow } from '../../record/columns.ts';
import { REPORTS } from './rows.ts';

/**
 * Reports of closed days lie in blocks, all others in rows. A statement asks for both at once, so that it finds each record once
 * also while its day is being closed. What it answers is a record where `block` is null, else a block.
 */
export interface FoundRow extends ReportRow {
  block: Buffer | null;
}

/** Columns of `all_reports r` that a statement asks for. */
export interface Asked {
  select: string;
  /** As many NULLs. */
  nothing: string;
  /** Of a block; absent: all. */
  names?: readonly string[];
}

export const ALL_COLUMNS: Asked = { select: REPORTS.select, nothing: REPORTS.selectNothing };

/** @param names of columns that need no cast */
export const onlyColumns = (names: readonly string[]): Asked => ({
  select: names.map((name) => `r.${name}`).join(', '),
  nothing: names.map(() => 'NULL').join(', '),
  names,
});

/**
 * The blocks `b` of a lock that may hold records with times from `from` to before `to`; none is longer than a day.
 * @param lockNo SQL of an int; @param from, @param to SQL of times
 */
export const blocksBetween = (lockNo: string, from: string, to: string): string =>
  `report_blocks b WHERE b.lock_no = ${lockNo} AND b.first_time > ${from} - interval '24 hours' AND b.first_time < ${to}
    AND b.last_time >= ${from}`;

/**
 * The inner question of a LATERAL. OFFSET 0 keeps it by itself, so that partitions are left out by each row's own time.
 * @param rows what follows FROM: of `all_reports r`; @param blocks likewise of `report_blocks b`
 */
export const rowsAndBlocks = ({ select, nothing }: Asked, rows: string, blocks: string): string =>
  `(SELECT ${select}, NULL::bytea AS block FROM ${rows}) UNION ALL (SELECT ${nothing}, b.block FROM ${blocks}) OFFSET 0`;

export interface Span {
  /** Times in [fromMs, toMs), epoch ms. */
  fromMs: number;
  toMs: number;
}

/** Of every record there may be. */
export const EVER: Span = { fromMs: Date.UTC(1970, 0, 1), toMs: Date.UTC(2200, 0, 1) };

/**
 * Rows with those of the blocks among them; both by themselves are in the order in which they were answered.
 * @param rowsOf which rows of a block are wanted
 * @param of what each record has of the block's row
 */
export function unpacked<R extends FoundRow>(
  rows: readonly R[],
  rowsOf: (block: Block, row: R) => BlockRow[],
  of: (row: R) => Partial<R> = ({ lock_id }) => ({ lock_id }) as Partial<R>,
): R[] {
  const all: R[] = [];
  for (const row of rows) {
    if (row.block === null) {
      all.push(row);
      continue;
    }
    const own = { ...of(row), block: null };
    for (const one of rowsOf(new Block(row.block), row)) all.push(Object.assign(one as unknown as R, own));
  }
  return all;
}

/** @param names of the wanted columns; absent: all */
export function rowsWithin(block: Block, { fromMs, toMs }: Span, names?: readonly string[]): BlockRow[] {
  const { first, end } = block.within(fromMs, toMs);
  return block.rows(first, end, names);
}

type Placed = Pick<ReportRow, 'time' | 'boot' | 'seq'>;

/** The order of a lock's records. */
export const inTimeOrder = (a: Placed, b: Placed): number =>
  a.time.getTime() - b.time.getTime() || a.boot - b.boot || (a.seq >>> 0) - (b.seq >>> 0);
