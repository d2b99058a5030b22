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

/** The same of a trip and rules of its active alarms that only a person disposes of. */
export async function custodyOf(
  db: Queryable,
  tripId: string,
  end: 'origin' | 'destination',
): Promise<Custody & { latched_rules: string[] }> {
  const { rows } = await db.query<Custody & { latched_rules: string[] }>({
    name: `custody-${end}`,
    text: `SELECT ARRAY(SELECT DISTINCT a.rule FROM alarms a WHERE a.trip_id = t.trip_id AND a.active
        AND a.kind = 'latched' ORDER BY a.rule) AS latched_rules, ${CUSTODY(`t.${end}_office`)}
      FROM trips t WHERE t.trip_id = $1`,
    values: [tripId],
  });
  return rows[0]!;
}
