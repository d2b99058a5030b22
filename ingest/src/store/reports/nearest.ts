import { plainColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { Block, type BlockRow } from '../../record/block.ts';
import {
  ALL_COLUMNS,
  type Asked,
  blocksBetween,
  type FoundRow,
  inTimeOrder,
  rowsAndBlocks,
  type Span,
} from './blocks.ts';
import { MAY_BE_FIX, mayBeFix } from './rows.ts';

/** Of which lock one record is looked for, and when. */
export interface Look extends Span {
  lockId: string;
}

export interface Wanted {
  end: 'first' | 'last';
  /** `fix`: with a position that may be credible. */
  only: 'any' | 'in order' | 'fix';
  /** Absent: all columns. */
  columns?: Asked;
}

const CONDITIONS = {
  any: { ofRow: '', ofBlock: '' },
  'in order': { ofRow: 'AND r.in_order', ofBlock: 'AND b.in_order' },
  fix: { ofRow: `AND ${MAY_BE_FIX('r')}`, ofBlock: '' },
} as const;

/** @param isOneSpan of all looks: as one value it leaves out partitions once, when the statement is planned */
function statementFor({ end, only, columns = ALL_COLUMNS }: Wanted, isOneSpan: boolean): string {
  const order = end === 'first' ? '' : 'DESC';
  const { ofRow, ofBlock } = CONDITIONS[only];
  const asked = isOneSpan ? 'unnest($1::text[])' : 'unnest($1::text[], $2::float8[], $3::float8[])';
  const [f, t] = isOneSpan ? ['$2::float8', '$3::float8'] : ['x.f', 'x.t'];
  const [from, to] = [`to_timestamp(${f} / 1000.0)`, `to_timestamp(${t} / 1000.0)`];
  const rows = `all_reports r WHERE r.lock_no = l.lock_no AND r.time >= ${from} AND r.time < ${to} ${ofRow}
    ORDER BY r.time ${order}, r.boot ${order}, r.number_seq ${order} LIMIT 1`;
  const blocks = `${blocksBetween('l.lock_no', from, to)} ${ofBlock} ORDER BY b.first_time ${order} LIMIT 1`;
  return `SELECT x.n, l.lock_id, r.* FROM ${asked} WITH ORDINALITY AS x(lock_id, ${isOneSpan ? '' : 'f, t, '}n)
    JOIN locks l USING (lock_id) CROSS JOIN LATERAL (${rowsAndBlocks(columns, rows, blocks)}) r`;
}

/**
 * The first or the last record of each look.
 * @returns by place in `looks`; undefined: there is none
 */
export async function nearestRecords(
  db: Queryable,
  looks: readonly Look[],
  wanted: Wanted,
): Promise<(FoundRow | undefined)[]> {
  const found = new Array<FoundRow | undefined>(looks.length).fill(undefined);
  let open = looks.map((look, place) => ({ ...look, place }));
  while (open.length > 0) {
    const { fromMs, toMs } = open[0]!;
    const isOneSpan = open.every((look) => look.fromMs === fromMs && look.toMs === toMs);
    const spans = isOneSpan
      ? [fromMs, toMs]
      : [plainColumn(open, (look) => look.fromMs), plainColumn(open, (look) => look.toMs)];
    const locks = plainColumn(open, (look) => look.lockId);
    const { rows } = await db.query<FoundRow & { n: number }>(statementFor(wanted, isOneSpan), [locks, ...spans]);
    const further: typeof open = [];
    for (const row of rows) {
      const look = open[row.n - 1]!;
      const block = row.block === null ? undefined : new Block(row.block);
      const own = block ? chosenIn(block, look, wanted) : row;
      const best = found[look.place];
      if (own && (best === undefined || inTimeOrder(own, best) > 0 === (wanted.end === 'last')))
        found[look.place] = Object.assign(own as FoundRow, { lock_id: row.lock_id, block: null });
      if (block && own === undefined) further.push({ ...look, ...beyond(block, look, wanted) });
    }
    open = further.filter(({ fromMs, toMs }) => fromMs < toMs);
  }
  return found;
}

/** The record of a block that is looked for. */
function chosenIn(block: Block, look: Look, { end, only, columns }: Wanted): BlockRow | undefined {
  const span = block.within(look.fromMs, look.toMs);
  if (span.first >= span.end) return undefined;
  if (only === 'fix') {
    const rows = block.rows(span.first, span.end, columns?.names);
    return end === 'last' ? rows.findLast(mayBeFix) : rows.find(mayBeFix);
  }
  let place = end === 'last' ? span.end - 1 : span.first;
  if (only === 'in order') {
    const flags = block.column('in_order', span.first, span.end)!;
    const at = end === 'last' ? flags.lastIndexOf(true) : flags.indexOf(true);
    if (at < 0) return undefined;
    place = span.first + at;
  }
  return block.rows(place, place + 1, columns?.names)[0];
}

/** What is left of a look when a block of it had none. */
const beyond = (block: Block, { fromMs, toMs }: Look, { end }: Wanted): Span =>
  end === 'last' ? { fromMs, toMs: block.firstMs } : { fromMs: block.lastMs + 1, toMs };
