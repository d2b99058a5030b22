import type pg from 'pg';
import { errorCode } from './database-error.ts';
import type { StoreLog } from './embedded/embedded.ts';
import { inTransaction, type Queryable } from './queryable.ts';

/** The words of version 0021 of the schema, which a letter stands for: the first is `a`. */
const WORDS = new Map([
  ['kind', ['live', 'roll-call', 'backfill']],
  ['mode', ['sleep', 'awake', 'sealed', 'tracking', 'deep-sleep']],
  ['source', ['gnss', 'cell', 'wifi']],
  ['rope', ['inserted', 'pulled', 'cut']],
  ['motor', ['locked', 'unlocked', 'stuck']],
  ['cover', ['closed', 'opened']],
]);

const words = (column: string) => `'{${WORDS.get(column)?.join()}}'::text[]`;
const letter = (column: string) => `chr(96 + array_position(${words(column)}, o.${column}))`;
const unlisted = (column: string) => `CASE WHEN o.${column} <> ALL (${words(column)}) THEN o.${column} END`;
/** A value as a whole number of steps, or NULL where that would not give it back. */
const steps = (column: string, inOne: number, most: number) =>
  `CASE WHEN abs(o.${column}) <= ${most}::float8 / ${inOne} AND round(o.${column}::float8 * ${inOne}) / ${inOne} = o.${column}
    THEN round(o.${column}::float8 * ${inOne}) END`;
const DELAY_MS = 'extract(epoch FROM o.received_at - o.time) * 1000';

/** Reports of the shape that they had until migration 0022, in that of then. @param table which holds them */
const packed = (table: string) => `SELECT o.time, o.boot, l.lock_no,
  (o.seq - CASE WHEN o.seq > 2147483647 THEN 4294967296 ELSE 0 END)::int AS seq, o.seq AS number_seq,
  CASE WHEN ${DELAY_MS} BETWEEN 0 AND 2147483647 THEN ${DELAY_MS} ELSE -2147483648 END::int AS delay_ms,
  coalesce(${steps('lon', 1e7, 2_147_483_647)}, -2147483648)::int AS lon,
  coalesce(${steps('lat', 1e7, 2_147_483_647)}, -2147483648)::int AS lat,
  coalesce(${steps('accuracy_m', 10, 32_767)}, -32768)::smallint AS accuracy_m,
  coalesce(${steps('speed_kmh', 10, 32_767)}, -32768)::smallint AS speed_kmh,
  coalesce(${steps('heading_deg', 10, 32_767)}, -32768)::smallint AS heading_deg,
  coalesce(${steps('use_count', 1, 32_767)}, -32768)::smallint AS use_count,
  coalesce(${steps('satellites', 1, 127)}, -128)::int::"char" AS satellites,
  coalesce(${steps('battery_percent', 1, 127)}, -128)::int::"char" AS battery_percent,
  coalesce(${steps('rssi_dbm', 1, 127)}, -128)::int::"char" AS rssi_dbm,
  coalesce(${letter('kind')}, '')::"char" AS kind,
  coalesce(${letter('mode')}, '')::"char" AS mode,
  coalesce(${letter('source')}, '')::"char" AS source,
  coalesce(${letter('rope')}, '')::"char" AS rope,
  coalesce(${letter('motor')}, '')::"char" AS motor,
  coalesce(${letter('cover')}, '')::"char" AS cover,
  CASE o.charging WHEN false THEN 'a' WHEN true THEN 'b' ELSE '' END::"char" AS charging,
  false AS in_order,
  coalesce(nullif((jsonb_strip_nulls(jsonb_build_object(
    'lon', CASE WHEN ${steps('lon', 1e7, 2_147_483_647)} IS NULL THEN o.lon END,
    'lat', CASE WHEN ${steps('lat', 1e7, 2_147_483_647)} IS NULL THEN o.lat END,
    'accuracy_m', CASE WHEN ${steps('accuracy_m', 10, 32_767)} IS NULL THEN o.accuracy_m END,
    'speed_kmh', CASE WHEN ${steps('speed_kmh', 10, 32_767)} IS NULL THEN o.speed_kmh END,
    'heading_deg', CASE WHEN ${steps('heading_deg', 10, 32_767)} IS NULL THEN o.heading_deg END,
    'use_count', CASE WHEN ${steps('use_count', 1, 32_767)} IS NULL THEN o.use_count END,
    'satellites', CASE WHEN ${steps('satellites', 1, 127)} IS NULL THEN o.satellites END,
    'battery_percent', CASE WHEN ${steps('battery_percent', 1, 127)} IS NULL THEN o.battery_percent END,
    'rssi_dbm', CASE WHEN ${steps('rssi_dbm', 1, 127)} IS NULL THEN o.rssi_dbm END,
    'kind', ${unlisted('kind')},
    'mode', ${unlisted('mode')},
    'source', ${unlisted('source')},
    'rope', ${unlisted('rope')},
    'motor', ${unlisted('motor')},
    'cover', ${unlisted('cover')},
    'sent', extract(epoch FROM o.sent_time) * 1000, 'fault', o.clock_fault,
    'received', CASE WHEN ${DELAY_MS} BETWEEN 0 AND 2147483647 THEN NULL ELSE extract(epoch FROM o.received_at) * 1000 END))
    || CASE WHEN o.events IS NULL THEN '{}' ELSE jsonb_build_object('events', o.events) END)::text, '{}'), '') AS extra
FROM ${table} o JOIN locks l ON l.lock_id = o.lock_id`;

/** The columns that migration 0022 gave to reports, but `in_order`. */
const COLUMNS = `time, boot, lock_no, seq, delay_ms, lon, lat, accuracy_m, speed_kmh, heading_deg, use_count, satellites,
  battery_percent, rssi_dbm, kind, mode, source, rope, motor, cover, charging, extra`;

/** Of a clock that is years wrong: its number says nothing of those after it. */
const IS_STRAY = `time < now() - interval '400 days'`;

/**
 * Packs reports and says which of them are in order: numbered above all of their lock before them, by time, and above the last
 * one in order that was packed before.
 * @param condition of `p`
 * @param since SQL of the time from which on they are
 */
const pack = (table: string, condition = 'true', since = 'NULL') => `WITH p AS MATERIALIZED (
    SELECT p.*, p.boot::numeric * 4294967296 + p.number_seq AS number FROM (${packed(table)}) p WHERE ${condition}),
  before AS (SELECT l.lock_no, b.number FROM (SELECT DISTINCT lock_no FROM p) l CROSS JOIN LATERAL (
    SELECT r.boot::numeric * 4294967296 + (r.seq::bigint & 4294967295) AS number FROM reports r
    WHERE r.lock_no = l.lock_no AND r.in_order AND r.time < ${since} ORDER BY r.time DESC, r.boot DESC LIMIT 1) b)
  INSERT INTO reports (${COLUMNS}, in_order) SELECT ${COLUMNS},
    NOT ${IS_STRAY} AND p.number > coalesce(greatest(earlier, before.number), -1)
  FROM (SELECT p.*, max(number) FILTER (WHERE NOT ${IS_STRAY}) OVER (PARTITION BY lock_no ORDER BY time, number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    AS earlier FROM p) p LEFT JOIN before USING (lock_no)`;

/** Packs reports whose times are far from all others: none of them is in order. */
const packStray = (table: string) =>
  `INSERT INTO reports (${COLUMNS}, in_order) SELECT ${COLUMNS}, false FROM (${packed(table)}) p`;

/** Reports of the former shape that a backup holds, from the table they were read into. */
export async function packRestored(db: Queryable, table: string): Promise<void> {
  const { rowCount } = await db.query(pack(table));
  const { rows } = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  if (rowCount !== rows[0]?.n) throw new Error(`${rows[0]?.n} reports of former locks, ${rowCount} of known ones`);
}

async function exists(db: Queryable, relation: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS found`, [
    `public.${relation}`,
  ]);
  return rows[0]?.found ?? false;
}

/**
 * Makes the view of all reports anew where it is missing, lacks a column of `reports`, or has reports of the former shape that are
 * no more. Whoever calls it changes the schema alone (schema-lock.ts).
 */
export async function keepReportsView(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ name: string; type: string }>(
    `SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = 'public.reports'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
  const known = new Set([...COLUMNS.split(/,\s*/), 'in_order']);
  const names = rows.map(({ name }) => `"${name}"`).join(', ');
  const former = rows.map(({ name, type }) => (known.has(name) ? `p."${name}"` : `NULL::${type}`)).join(', ');
  const text =
    `SELECT ${names}, seq::bigint & 4294967295 AS number_seq FROM reports` +
    ((await exists(db, 'former_reports'))
      ? ` UNION ALL SELECT ${former}, p.number_seq FROM (${packed('former_reports')}) p`
      : '');
  const { rows: made } = await db.query<{ text: string | null }>(
    `SELECT obj_description(to_regclass('public.all_reports'), 'pg_class') AS text`,
  );
  if (made[0]?.text === text) return;
  // one statement list, one transaction: nobody finds the view missing
  await db.query(`DROP VIEW IF EXISTS all_reports; CREATE VIEW all_reports AS ${text};
    COMMENT ON VIEW all_reports IS '${text.replaceAll("'", "''")}'`);
}

/** A part of the former table that is packed in one transaction, oldest first; the last holds what lies in no day. */
interface Part {
  name: string;
  from: Date | null;
  to: Date | null;
  isChunk: boolean;
}

/** How much waits to be packed: days, about. */
export async function formerParts(db: Queryable): Promise<Part[]> {
  if (!(await exists(db, 'former_reports'))) return [];
  const { rows: extension } = await db.query(`SELECT FROM pg_extension WHERE extname = 'timescaledb'`);
  const { rows: chunks } =
    extension.length === 0
      ? { rows: [] }
      : await db.query<Part>(
          `SELECT chunk_name AS name, range_start AS "from", range_end AS "to", true AS "isChunk"
           FROM timescaledb_information.chunks WHERE hypertable_name = 'former_reports' ORDER BY range_start`,
        );
  if (chunks.length > 0) return chunks;
  const { rows } = await db.query<Part>(
    `SELECT name, day AS "from", day + interval '1 day' AS "to", false AS "isChunk"
     FROM (SELECT c.relname::text AS name, to_date(substring(c.relname FROM '[0-9]{8}$'), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS day
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.former_reports'::regclass) d
     ORDER BY day NULLS LAST`,
  );
  return rows;
}

/** A reader that is slow holds up the end of a part for so many seconds at most; then the next round packs it again. */
const PATIENCE_S = 60;

/**
 * Packs the reports of the former shape, a day a transaction, oldest first; reports are taken and read meanwhile. A day that was
 * not committed is packed again by the next start.
 * @returns whether none is left
 */
export async function packFormerReports(pool: pg.Pool, log: StoreLog, isStopped: () => boolean): Promise<boolean> {
  const parts = await formerParts(pool);
  for (const [i, part] of parts.entries()) {
    if (isStopped() || !(await packPart(pool, part))) return false;
    log.info({ part: part.name, done: i + 1, of: parts.length }, 'reports of the former shape packed');
  }
  if (await exists(pool, 'former_reports')) {
    await inTransaction(pool, async (db) => {
      await db.query(`SET LOCAL lock_timeout = '1s'`);
      await db.query('DROP VIEW all_reports');
      await db.query('DROP TABLE former_reports');
      await keepReportsView(db);
    });
  }
  return true;
}

async function packPart(pool: pg.Pool, { name, from, to, isChunk }: Part): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    await db.query('SELECT pg_advisory_xact_lock(43, 1)');
    if (!(await exists(db, 'former_reports'))) return true;
    const of = isChunk ? 'former_reports' : `public.${name}`;
    const { rows: still } = await db.query(
      isChunk
        ? `SELECT FROM timescaledb_information.chunks WHERE chunk_name = $1 AND hypertable_name = 'former_reports'`
        : 'SELECT FROM pg_class WHERE oid = to_regclass($1)',
      [isChunk ? name : of],
    );
    if (still.length === 0) return true;
    const [range, values] = from === null ? ['true', []] : ['p.time >= $1 AND p.time < $2', [from, to]];
    const { rowCount } = await db.query(from === null ? packStray(of) : pack(of, range, '$1'), values);
    const { rows } = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${of} p WHERE ${range}`, values);
    if (rowCount !== rows[0]?.n) throw new Error(`${name}: ${rows[0]?.n} reports, ${rowCount} of them of known locks`);
    return dropped(
      db,
      isChunk ? `SELECT drop_chunks('former_reports', older_than => $1::timestamptz)` : `DROP TABLE ${of}`,
      isChunk ? [to] : [],
    );
  });
}

async function dropped(db: Queryable, statement: string, values: unknown[]): Promise<boolean> {
  await db.query(`SET LOCAL lock_timeout = '1s'`);
  for (let i = 0; i < PATIENCE_S; i++) {
    await db.query('SAVEPOINT packed');
    try {
      await db.query(statement, values);
      return true;
    } catch (error) {
      // 55P03: no lock in time
      if (errorCode(error) !== '55P03') throw error;
      await db.query('ROLLBACK TO SAVEPOINT packed');
    }
  }
  throw new Error('the reports of a day are packed, but somebody reads that day without an end');
}
