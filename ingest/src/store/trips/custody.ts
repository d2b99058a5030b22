import type { CommandState } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

/** What the checks of a step need of a trip's locks, read in one statement. Times inside are text. */
export interface Custody {
  /** In the order of the units. */
  lock_states: {
    lockId: string;
    retired: boolean;
    blocked: string | null;
    lastTime: string | null;
    /** Receipt time of its newest message. */
    lastReceived: string | null;
    report: Record<string, unknown> | null;
    fix: Record<string, unknown> | null;
  }[];
  /** Oldest first. */
  commands: { lockId: string; type: string; state: CommandState; createdAt: string }[];
  /** Changes whenever a place of the office does, so that what was compiled of them can be kept by it. */
  places_stamp: string;
}

/** Kinds of places bound to an office in which its steps may happen. */
export const DESIGNATED_KINDS = `('office', 'gate', 'yard', 'yard-cell', 'port')`;

/** The columns of `Custody` for a trip aliased `t`. @param office an SQL expression: whose end of the trip it is */
export const CUSTODY = (office: string) => `(SELECT coalesce(json_agg(json_build_object('lockId', l.lock_id,
      'retired', l.retired_at IS NOT NULL, 'blocked', l.blocked_reason, 'lastTime', l.last_time,
      'lastReceived', l.last_received, 'report', l.last_report, 'fix', lock_fix(l))
      ORDER BY u.ordinal), '[]'::json)
    FROM trip_units u JOIN locks l USING (lock_id) WHERE u.trip_id = t.trip_id) AS lock_states,
  (SELECT coalesce(json_agg(json_build_object('lockId', o.lock_id, 'type', o.type, 'state', o.state,
      'createdAt', o.created_at) ORDER BY o.ordinal), '[]'::json) FROM commands o WHERE o.trip_id = t.trip_id) AS commands,
  (SELECT coalesce(string_agg(q.place_id || '@' || q.updated_at, ' ' ORDER BY q.place_id), '') FROM places q
    WHERE q.feature -> 'properties' ->> 'office' = ${office} AND q.kind IN ${DESIGNATED_KINDS}
      AND q.simulated <= t.simulated) AS places_stamp`;

/** An active latched alarm of a trip aliased `t`, its own or inherited, aliased `a`. */
const LATCHED = `FROM alarms a WHERE a.active AND a.kind = 'latched' AND (a.trip_id = t.trip_id
    OR a.alarm_id IN (SELECT i.alarm_id FROM inherited_alarms i WHERE i.trip_id = t.trip_id))`;

/** Rules of the alarms that only a person disposes of, and of those of them that came after a verification. */
export const LATCHED_RULES = `ARRAY(SELECT DISTINCT a.rule ${LATCHED} ORDER BY a.rule) AS latched_rules,
  ARRAY(SELECT DISTINCT a.rule ${LATCHED} AND coalesce(greatest(a.raised_at, a.urgent_at) > t.verified_at, false)
    ORDER BY a.rule) AS latched_since`;

export interface LatchedRules {
  latched_rules: string[];
  latched_since: string[];
}

/** The same of a trip, with its latched alarms. */
export async function custodyOf(
  db: Queryable,
  tripId: string,
  end: 'origin' | 'destination',
): Promise<Custody & LatchedRules> {
  const { rows } = await db.query<Custody & LatchedRules>({
    name: `custody-${end}`,
    text: `SELECT ${LATCHED_RULES}, ${CUSTODY(`t.${end}_office`)}
      FROM trips t WHERE t.trip_id = $1`,
    values: [tripId],
  });
  return rows[0]!;
}

/** Its latched alarms alone. */
export async function latchedOf(db: Queryable, tripId: string): Promise<LatchedRules> {
  const { rows } = await db.query<LatchedRules>(`SELECT ${LATCHED_RULES} FROM trips t WHERE t.trip_id = $1`, [tripId]);
  return rows[0] ?? { latched_rules: [], latched_since: [] };
}

/**
 * What two people answer for when they act on a trip: its state, hold, write-off and latched alarms as one text. A trip
 * whose text is another one has changed.
 */
export async function stampOf(db: Queryable, tripId: string): Promise<string> {
  const { rows } = await db.query<{ stamp: string }>(
    `SELECT md5(concat_ws('|', t.status, t.hold_reason, t.written_off_at,
       (SELECT string_agg(a.alarm_id::text || a.phase, ',' ORDER BY a.alarm_id) ${LATCHED}))) AS stamp
     FROM trips t WHERE t.trip_id = $1`,
    [tripId],
  );
  return rows[0]?.stamp ?? '';
}
