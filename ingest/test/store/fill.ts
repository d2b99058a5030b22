import type pg from 'pg';
import type { Queryable } from '../../src/postgres/queryable.ts';
import type { ReportRow } from '../../src/record/columns.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { REPORTS } from '../../src/store/reports/rows.ts';

export const NOW_MS = Date.parse('2026-11-21T09:00:00Z');
export const TRIP_ID = '6f0a3f0e-5d1c-4b5e-9a59-2f7c63f5a001';
const HOUR_MS = 3_600_000;

/** All stored records of some locks, by default of all, by lock and number. */
export async function storedRecords(pool: pg.Pool, ...lockIds: string[]): Promise<TrackedReport[]> {
  const { rows } = await pool.query<ReportRow>(
    `SELECT l.lock_id, ${REPORTS.select} FROM all_reports r JOIN locks l USING (lock_no)
     WHERE $1 = '{}' OR l.lock_id = ANY ($1::text[]) ORDER BY l.lock_id, r.boot, r.number_seq`,
    [lockIds],
  );
  return rows.map(REPORTS.recordOf);
}

export function reportOf(
  lockId: string,
  seq: number,
  timeMs: number,
  more: Partial<TrackedReport> = {},
): TrackedReport {
  return { lockId, boot: 1, seq, timeMs, receivedMs: timeMs, kind: 'live', ...more };
}

/**
 * Locks with a report every 30 s over two days (40 of them make 230,400 rows, so that a plan has a reason to use an
 * index), written by the server itself; one trip of the first lock over the last four hours, with an alarm one hour ago.
 */
export async function fillReports(pool: pg.Pool, locks = 40): Promise<void> {
  const now = new Date(NOW_MS);
  await pool.query(
    `INSERT INTO locks (lock_id, secret_hash, last_time)
    SELECT 'JT701' || lpad(n::text, 5, '0'), '', $1 FROM generate_series(1, $2::int) n`,
    [now, locks],
  );
  await pool.query(
    `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, mode, lon, lat, accuracy_m, speed_kmh, heading_deg, source,
       rope, motor, cover, battery_percent)
     SELECT lock_no, 1, i, $1::timestamptz - i * interval '30 s', i * 30000, 'a', 'c',
       (120 + 0.0001 * i + 0.002 * sin(i / 9.0)) * 1e7, (29 + 0.001 * right(lock_id, 5)::int) * 1e7, 60, 600, 900, 'a', 'a', 'a',
       'a', 80::"char"
     FROM locks, generate_series(1, 5760) i WHERE lock_id BETWEEN 'JT70100001' AND 'JT701' || lpad($2::text, 5, '0')`,
    [now, locks],
  );
  await pool.query(
    `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('r', 1, 'r', '{}', 'test')`,
  );
  await pool.query(
    `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version, tractor_plate,
       status, steps, created_at, sealed_at, departed_at, risk)
     VALUES ($1, '292120260000000001', 'road', '2921', '3104', 'r', 1, '浙G12345', 'in-transit', '[]', $2, $2, $2, 2)`,
    [TRIP_ID, new Date(NOW_MS - 4 * HOUR_MS)],
  );
  await pool.query(
    `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, tracked_from) VALUES ($1, 0, 'CSQU3054383', 'JT70100001', $2)`,
    [TRIP_ID, new Date(NOW_MS - 4 * HOUR_MS)],
  );
  await pool.query(
    `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, confirmed_at, raised_at)
     VALUES (gen_random_uuid(), $1, 'JT70100001', 'route.deviation', 'latched', 'critical', 'open', true, $2, $3, $3)`,
    [TRIP_ID, new Date(NOW_MS - HOUR_MS), new Date(NOW_MS - HOUR_MS + 30_000)],
  );
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];

/** Rows of reports that were read one after the other without an index, by the statements that `run` sends. */
export async function rowsReadInSequence(pool: pg.Pool, run: (db: Queryable) => Promise<unknown>): Promise<number> {
  const nodes = (await plansOf(pool, run)).filter((node) => node['Node Type'] === 'Seq Scan' && isOfReports(node));
  return nodes.reduce(
    (sum, node) => sum + (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
    0,
  );
}

/** How often an index of reports was searched, over all partitions, by the statements that `run` sends. */
export async function indexSearches(pool: pg.Pool, run: (db: Queryable) => Promise<unknown>): Promise<number> {
  const nodes = (await plansOf(pool, run)).filter((node) => node['Node Type'] === 'Index Scan' && isOfReports(node));
  return nodes.reduce((sum, node) => sum + node['Actual Loops'], 0);
}

const isOfReports = (node: PlanNode): boolean => /^(reports|_hyper_)/.test(node['Relation Name'] ?? '');

/** The nodes of the plans of all statements on reports, as they were executed. */
async function plansOf(pool: pg.Pool, run: (db: Queryable) => Promise<unknown>): Promise<PlanNode[]> {
  const nodes: PlanNode[] = [];
  const explain = async (given: string | { text: string; values?: unknown[] }, values?: unknown[]) => {
    const text = typeof given === 'string' ? given : given.text;
    const parameters = typeof given === 'string' ? values : given.values;
    if (/\b(all_)?reports\b/.test(text)) {
      const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ${text}`,
        parameters,
      );
      nodes.push(...flat(rows[0]!['QUERY PLAN'][0].Plan));
    }
    return pool.query(text, parameters);
  };
  await run({ query: explain as Queryable['query'] });
  return nodes;
}
