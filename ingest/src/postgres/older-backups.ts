import { packRestored } from './former-reports.ts';
import type { Queryable } from './queryable.ts';

interface TableColumns {
  name: string;
  columns: string[];
}

/** Columns that migrations have renamed: table, then old name → new name. */
const RENAMED = new Map([
  [
    'trip_units',
    new Map([
      ['judged_from', 'tracked_from'],
      ['judged_to', 'tracked_to'],
    ]),
  ],
]);

/** Columns that migrations have added and filled from others, and how they are filled where a backup lacks them. */
const ADDED = [
  {
    table: 'locks',
    column: 'last_fix_time',
    fill: `UPDATE locks SET last_fix_time = (last_fix ->> 'time')::timestamptz WHERE last_fix IS NOT NULL`,
  },
  {
    // the rule of migration 0010
    table: 'trips',
    column: 'taken_over_at',
    fill: `UPDATE trips t SET taken_over_at = t.departed_at
      FROM (SELECT trip_id, min(tracked_from) AS tracked_from FROM trip_units GROUP BY trip_id) u
      WHERE u.trip_id = t.trip_id AND t.departed_at = u.tracked_from`,
  },
  {
    // the rule of migration 0015
    table: 'locks',
    column: 'simulated',
    fill: `UPDATE locks SET simulated = true WHERE lock_id IN (
      SELECT jsonb_array_elements_text(a.after -> 'locks') FROM audit a JOIN api_keys k ON a.actor = 'key:' || k.name
      WHERE a.action = 'lock.register' AND k.role = 'tester' AND k.name <> ''
        AND NOT EXISTS (SELECT FROM api_keys o WHERE o.name = k.name AND o.role <> 'tester'))`,
  },
  {
    // the rule of migration 0018; the locks come before
    table: 'trips',
    column: 'simulated',
    fill: `UPDATE trips t SET simulated = true WHERE EXISTS (SELECT FROM trip_units u WHERE u.trip_id = t.trip_id)
      AND NOT EXISTS (SELECT FROM trip_units u JOIN locks l USING (lock_id) WHERE u.trip_id = t.trip_id AND NOT l.simulated)`,
  },
  {
    // the rule of migration 0015
    table: 'trips',
    column: 'taken_over_by',
    fill: `UPDATE trips SET taken_over_by = coalesce(steps #>> '{0,checks,0,waivedBy}', '') WHERE taken_over_at IS NOT NULL`,
  },
  // the rules of migration 0016: until then '{}' was bound to no office
  { table: 'api_keys', column: 'actor', fill: `UPDATE people SET offices = NULL WHERE offices = '{}'` },
  { table: 'api_keys', column: 'actor', fill: `UPDATE subscriptions SET offices = NULL WHERE offices = '{}'` },
  {
    table: 'api_keys',
    column: 'actor',
    fill: `UPDATE api_keys k SET offices = nullif(offices, '{}'), actor = 'key:' || CASE
      WHEN k.name = '' THEN k.key_id::text
      WHEN NOT EXISTS (SELECT FROM api_keys o WHERE o.name = k.name
        AND (o.created_at, o.key_id) < (k.created_at, k.key_id)) AND k.name <> 'bootstrap' THEN k.name
      ELSE k.name || '#' || k.key_id END`,
  },
  // the rule of migration 0020
  { table: 'people', column: 'signed_in_at', fill: 'UPDATE people SET signed_in_at = created_at' },
  // the rules of migration 0025; locks have their first slots by a trigger
  {
    table: 'trips',
    column: 'slot',
    fill: `UPDATE trips t SET slot = l.slot FROM trip_units u JOIN locks l USING (lock_id)
      WHERE u.trip_id = t.trip_id AND u.ordinal = 0`,
  },
  {
    table: 'trips',
    column: 'slot',
    fill: `UPDATE locks l SET slot = o.slot FROM (
        SELECT DISTINCT ON (u.lock_id) u.lock_id, t.slot FROM trip_units u JOIN trips t USING (trip_id)
        WHERE t.status NOT IN ('closed', 'cancelled') ORDER BY u.lock_id, t.created_at DESC) o
      WHERE o.lock_id = l.lock_id`,
  },
];

/** Reports as they were until migration 0022, and how a backup of then shows them. */
const FORMER = {
  names: ['reports', 'former_reports'],
  mark: 'received_at',
  into: 'restored_reports',
  columns: `lock_id text, boot bigint, seq bigint, time timestamptz, received_at timestamptz, trip_id uuid, kind text, mode text,
    lon float8, lat float8, accuracy_m float8, speed_kmh float8, heading_deg float8, satellites smallint, source text,
    rope text, motor text, cover text, use_count bigint, battery_percent float8, charging boolean, rssi_dbm float8,
    events jsonb, sent_time timestamptz, clock_fault text`,
};

/**
 * The table that the rows of a backup's table are to be read into: itself, or of reports of the former shape one that is made
 * now, where their checksum means what it meant.
 */
export async function toFormerTable<T extends TableColumns>(db: Queryable, table: T): Promise<T> {
  const { names, mark, into, columns } = FORMER;
  if (!names.includes(table.name) || !table.columns.includes(mark)) return table;
  await db.query(`CREATE TEMP TABLE ${into} (${columns}) ON COMMIT DROP`);
  return { ...table, name: into };
}

/** Whether a table that today's schema has not can be restored all the same. */
export const isFormer = ({ name }: TableColumns): boolean => name === 'former_reports';

/** Moves reports of the former shape into today's table; their locks are there. */
export async function fromFormerTables(db: Queryable, tables: readonly TableColumns[]): Promise<void> {
  if (tables.some(({ name }) => name === FORMER.into)) await packRestored(db, FORMER.into);
}

/** What migration 0015 works out for trips that were open then. */
const INHERIT = `SELECT inherit_alarms(t.trip_id) FROM trips t WHERE t.status NOT IN ('closed', 'cancelled')`;

/** A table of a backup with the names that its columns have in today's schema; their order stays. */
export function withTodaysNames<T extends TableColumns>(table: T): T {
  const renamed = RENAMED.get(table.name);
  return renamed ? { ...table, columns: table.columns.map((column) => renamed.get(column) ?? column) } : table;
}

/** Fills the columns that the tables of a backup did not have yet, as the migrations that added them did. */
export async function fillAddedColumns(db: Queryable, tables: readonly TableColumns[]): Promise<void> {
  for (const { table, column, fill } of ADDED) {
    const stored = tables.find(({ name }) => name === table);
    if (stored && !stored.columns.includes(column)) await db.query(fill);
  }
  if (!tables.some(({ name }) => name === 'inherited_alarms')) await db.query(INHERIT);
}
