import type pg from 'pg';
import { type Finding, megabytes } from './finding.ts';
import { formerParts } from './former-reports.ts';
import { closableParts } from './partitions-closing.ts';
import { findTimescale, mayUseColumnstore, type Timescale } from './timescale.ts';
import { knownFaults, PORTAL_ERROR, PORTAL_HINT } from './timescale-faults.ts';

const RECIPE =
  'sealwatch backup FILE; make an empty database and in it CREATE EXTENSION timescaledb; with DATABASE_URL of that one, sealwatch restore FILE.';

/** Fewer say nothing about what one costs. */
const MEASURED_ROWS_LEAST = 1_000;

/** One table of reports: a partition, or a chunk. */
interface Piece {
  name: string;
  /** The first one, where it holds several. */
  day: string;
  bytes: number;
  indexBytes: number;
}

/** The fullest: one that has just begun, or in which few locks reported, pays for pages that are empty. */
function fullest<T extends Piece>(pieces: T[]): T | undefined {
  return pieces.reduce<T | undefined>((most, piece) => (most && most.bytes >= piece.bytes ? most : piece), undefined);
}

/** Counted, not estimated: the rows of one piece, and all that is stored for them. */
async function measured(pool: pg.Pool, what: string, piece: Piece | undefined): Promise<string[]> {
  if (!piece) return [];
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*) AS n FROM ${piece.name}`);
  const n = rows[0]!.n;
  if (n < MEASURED_ROWS_LEAST) return [];
  const each = (bytes: number) => Math.round((bytes / n) * 10) / 10;
  return [
    `${what} ${piece.day}: ${n} reports of ${each(piece.bytes)} bytes each (${each(piece.indexBytes)} of them index)`,
  ];
}

const orTooFew = (said: string[]): string =>
  said.length > 0 ? said.join('; ') : 'too few reports to say what one costs';

async function plainSize(pool: pg.Pool) {
  const { rows } = await pool.query<Piece & { strayRows: number }>(
    `SELECT c.oid::regclass::text AS name, coalesce(to_char(to_date(substring(c.relname FROM '[0-9]{8}$'), 'YYYYMMDD'), 'YYYY-MM-DD'), '') AS day,
       pg_total_relation_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS "indexBytes",
       coalesce((SELECT s.n_live_tup FROM pg_stat_user_tables s WHERE s.relid = c.oid), 0) AS "strayRows"
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.reports'::regclass ORDER BY 2 DESC`,
  );
  const days = rows.filter(({ day }) => day !== '');
  return {
    days: days.length,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    measured: fullest(days),
    strayRows: rows.find(({ day }) => day === '')?.strayRows ?? 0,
  };
}

/** What a report of a closed day weighs, counted. */
async function blocksSize(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ reports: number; bytes: number; days: number }>(
    `SELECT coalesce(sum(reports), 0) AS reports, pg_total_relation_size('public.report_blocks') AS bytes,
       count(DISTINCT date_trunc('day', first_time, 'UTC')) AS days FROM report_blocks`,
  );
  const { reports, bytes, days } = rows[0]!;
  if (reports < MEASURED_ROWS_LEAST) return '';
  const each = Math.round((bytes / reports) * 10) / 10;
  return `; ${days} closed days in blocks: ${reports} reports of ${each} bytes each in ${megabytes(bytes)}`;
}

/** Days that should be in blocks by now. */
async function waiting(pool: pg.Pool): Promise<Finding[]> {
  const days = (await closableParts(pool, Date.now())).flatMap(({ day }) => day ?? []);
  if (days.length === 0) return [];
  const text = `${days.length} closed days wait to be packed into blocks, from ${days[0]} to ${days.at(-1)}`;
  const hint =
    'The running platform packs them one after the other, oldest first, and logs each; nothing has to be done. A day that somebody reads for long waits an hour.';
  return [{ part: 'reports.closing', state: 'warning', text, hint }];
}

async function extensionOffered(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'`);
  return rows.length > 0;
}

/** TimescaleDB that is there and is not used. */
async function unused(pool: pg.Pool, found: Timescale | undefined): Promise<Finding[]> {
  const part = 'reports.timescaledb';
  const state = 'warning';
  if (found && (await pool.query('SELECT 1 FROM reports LIMIT 1')).rows.length === 0) {
    const text = `TimescaleDB ${found.version} is installed in this database, and the platform has not been started on it yet`;
    return [{ part, state, text, hint: 'Start it, or run sealwatch migrate: reports become a hypertable.' }];
  }
  const plain = 'reports are kept in plain partitions';
  if (found) return [{ part, state, text: `TimescaleDB ${found.version} is installed, but ${plain}`, hint: RECIPE }];
  if (!(await extensionOffered(pool))) return [];
  return [{ part, state, text: `this server offers TimescaleDB, but ${plain}`, hint: RECIPE }];
}

async function plainStorage(pool: pg.Pool, found: Timescale | undefined): Promise<Finding[]> {
  const size = await plainSize(pool);
  const cost = orTooFew(await measured(pool, 'on', size.measured));
  const text = `plain Postgres, ${size.days} daily partitions in ${megabytes(size.bytes)}; ${cost}${await blocksSize(pool)}`;
  const storage: Finding = { part: 'reports.storage', state: 'ok', text };
  const findings = [storage, ...(await waiting(pool)), ...(await unused(pool, found))];
  if (size.strayRows > 100_000) {
    findings.push({
      part: 'reports.default-partition',
      state: 'warning',
      text: `${size.strayRows} reports lie in the default partition`,
      hint: 'They are moved to their own days while the platform runs. If they stay, clocks of locks are years wrong: see comms.clock alarms.',
    });
  }
  return findings;
}

interface Chunk extends Piece {
  inColumns: boolean;
  /** The policy should have turned it into columns by now, with a day's grace. */
  overdue: boolean;
}

async function chunksOf(pool: pg.Pool): Promise<Chunk[]> {
  const { rows } = await pool.query<Chunk>(
    `WITH policy AS (SELECT (config->>'compress_after')::interval AS after FROM timescaledb_information.jobs
       WHERE hypertable_schema = 'public' AND hypertable_name = 'reports' AND proc_name = 'policy_compression' LIMIT 1)
     SELECT format('%I.%I', c.chunk_schema, c.chunk_name) AS name, to_char(c.range_start, 'YYYY-MM-DD') AS day,
       s.total_bytes AS bytes, s.index_bytes AS "indexBytes", c.is_compressed AS "inColumns",
       NOT c.is_compressed AND c.range_end < now() - coalesce((SELECT after FROM policy), interval '7 days') - interval '1 day' AS overdue
     FROM timescaledb_information.chunks c JOIN chunks_detailed_size('reports') s USING (chunk_schema, chunk_name)
     WHERE c.hypertable_schema = 'public' AND c.hypertable_name = 'reports' ORDER BY c.range_start DESC`,
  );
  return rows;
}

interface Job {
  id: number;
  policy: boolean;
  scheduled: boolean;
  failed: boolean;
  runs: number;
  failures: number;
  succeededAt: string | null;
  error: string | null;
}

/** All jobs of this database, the policy of reports first. */
async function jobsOf(pool: pg.Pool): Promise<Job[]> {
  const { rows } = await pool.query<Job>(
    `SELECT j.job_id AS id, j.hypertable_name IS NOT DISTINCT FROM 'reports' AND j.proc_name = 'policy_compression' AS policy, j.scheduled,
       coalesce(s.last_run_status = 'Failed', false) AS failed, coalesce(s.total_runs, 0) AS runs, coalesce(s.total_failures, 0) AS failures,
       to_char(nullif(s.last_successful_finish, '-infinity') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"') AS "succeededAt",
       (SELECT e.err_message FROM timescaledb_information.job_errors e WHERE e.job_id = j.job_id ORDER BY e.start_time DESC LIMIT 1) AS error
     FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s USING (job_id) ORDER BY 2 DESC, 1`,
  );
  return rows;
}

/** Whether the jobs do what they are for: a policy that fails leaves no trace elsewhere. */
function jobFindings(jobs: Job[], chunks: Chunk[]): Finding[] {
  const part = 'reports.jobs';
  const policy = jobs.find((job) => job.policy);
  const failing = jobs.filter((job) => job.failed);
  const said = ({ id, failures, runs, succeededAt, error }: Job) =>
    `job ${id} failed ${failures} of ${runs} times, last succeeded ${succeededAt ?? 'never'}: ${error ?? 'see the log of the server'}`;
  if (failing.length > 0) {
    const all = failing.map(said);
    const hint = PORTAL_ERROR.test(all.join())
      ? PORTAL_HINT
      : `Mend what it says, then try: CALL run_job(${failing[0]!.id}).`;
    return [{ part, state: policy?.failed ? 'problem' : 'warning', text: all.join('; '), hint }];
  }
  if (!policy) {
    const hint = 'Start the platform, or run sealwatch migrate: it is added.';
    return [{ part, state: 'problem', text: 'no policy turns old days into columns', hint }];
  }
  if (!policy.scheduled) {
    const hint = `SELECT alter_job(${policy.id}, scheduled => true).`;
    return [{ part, state: 'problem', text: `the policy of reports (job ${policy.id}) is switched off`, hint }];
  }
  if (policy.runs === 0 && chunks.some(({ overdue }) => overdue)) {
    const hint =
      'See timescaledb.max_background_workers and max_worker_processes, and whether the server’s log says why.';
    return [{ part, state: 'problem', text: `the policy of reports (job ${policy.id}) has never run`, hint }];
  }
  const text = `the policy of reports (job ${policy.id}) last succeeded ${policy.succeededAt ?? 'never: it has not run yet'}`;
  return [{ part, state: 'ok', text }];
}

function columnFindings(chunks: Chunk[], policyId: number | undefined): Finding[] {
  const part = 'reports.columnstore';
  const overdue = chunks.filter((chunk) => chunk.overdue);
  const newest = chunks.find(({ inColumns }) => inColumns)?.day ?? 'none';
  const text = `newest chunk in columns: ${newest}; ${overdue.length} chunks wait for it that should not`;
  if (overdue.length === 0) return [{ part, state: 'ok', text }];
  const by = policyId === undefined ? 'CALL convert_to_columnstore(CHUNK) for each chunk' : `CALL run_job(${policyId})`;
  const hint = `See reports.jobs. By hand: ${by}.`;
  return [{ part, state: 'problem', text: `${text}, the oldest ${overdue.at(-1)!.day}`, hint }];
}

async function hyperStorage(pool: pg.Pool, found: Timescale): Promise<Finding[]> {
  const chunks = await chunksOf(pool);
  const inColumns = chunks.filter((chunk) => chunk.inColumns);
  const inRows = chunks.filter((chunk) => !chunk.inColumns);
  const cost = [
    ...(await measured(pool, 'chunk of', fullest(inRows))),
    ...(await measured(pool, 'in columns the chunk of', fullest(inColumns))),
  ];
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
  const text = `TimescaleDB ${found.version} hypertable, ${chunks.length} chunks in ${megabytes(bytes)}, ${inColumns.length} of them in columns; ${orTooFew(cost)}`;
  const storage: Finding = { part: 'reports.storage', state: 'ok', text };
  if (!mayUseColumnstore(found)) {
    const why = `old days are not compressed (licence ${found.licence}, version ${found.version})`;
    const hint =
      'The columnstore needs timescaledb.license = timescale and TimescaleDB 2.18 or newer; the next start then adds it.';
    return [storage, { part: 'reports.columnstore', state: 'warning', text: why, hint }];
  }
  const jobs = await jobsOf(pool);
  const policyId = jobs.find(({ policy }) => policy)?.id;
  return [storage, ...columnFindings(chunks, policyId), ...jobFindings(jobs, chunks)];
}

async function faultsOf(pool: pg.Pool, found: Timescale): Promise<Finding[]> {
  const { rows } = await pool.query<{ number: number }>(`SELECT current_setting('server_version_num')::int AS number`);
  return knownFaults(rows[0]!.number, found.version).map((fault) => ({ part: 'database.timescaledb', ...fault }));
}

/** Reports of the shape before migration 0022 are packed in the background after a start. */
async function former(pool: pg.Pool): Promise<Finding[]> {
  const { length } = await formerParts(pool);
  if (length === 0) return [];
  const text = `${length} days of reports wait to be packed into a third of their room`;
  const hint =
    'The running platform packs them one after the other, oldest first, and logs each; nothing has to be done.';
  return [{ part: 'reports.packing', state: 'warning', text, hint }];
}

/** How reports are kept, what one costs, and whether what keeps them does its work. */
export async function checkStorage(pool: pg.Pool): Promise<Finding[]> {
  const found = await findTimescale(pool);
  const kept = found?.reports === 'hypertable' ? await hyperStorage(pool, found) : await plainStorage(pool, found);
  return [...kept, ...(await former(pool)), ...(found ? await faultsOf(pool, found) : [])];
}
