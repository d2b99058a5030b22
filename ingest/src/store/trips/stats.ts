import type { DayFigures } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { rulesShowing } from '../../tracker/index.ts';

const DAY = (column: string) => `to_char(${column} AT TIME ZONE $4, 'YYYY-MM-DD')`;
const BETWEEN = (column: string) => `${column} >= $1 AND ${column} < $2`;

/** Each branch counts one kind of event by its own day; a trip counts for the office it goes to. */
const STATS = `WITH events AS (
    SELECT ${DAY('created_at')} AS day, destination_office AS office, 1 AS declared, 0 AS arrived, 0 AS limited, 0 AS on_time,
      0 AS deviations, 0 AS false_alarms, 0 AS passages, 0 AS released, 0::float8 AS gate_seconds
    FROM trips WHERE ${BETWEEN('created_at')}
  UNION ALL
    SELECT ${DAY('arrived_at')}, destination_office, 0, 1, (time_limit_min IS NOT NULL)::int,
      (arrived_at <= departed_at + time_limit_min * interval '1 minute')::int, 0, 0, 0, 0, 0
    FROM trips WHERE ${BETWEEN('arrived_at')}
  UNION ALL
    SELECT ${DAY('a.started_at')}, t.destination_office, 0, 0, 0, 0,
      (a.rule = ANY($5) AND a.phase <> 'provisional')::int, coalesce(a.false_alarm, false)::int, 0, 0, 0
    FROM alarms a JOIN trips t USING (trip_id) WHERE ${BETWEEN('a.started_at')}
  UNION ALL
    SELECT ${DAY('p.decided_at')}, coalesce(t.destination_office, g.feature #>> '{properties,office}', ''), 0, 0, 0, 0, 0, 0,
      1, (p.verdict = 'release')::int, (p.answer ->> 'decidedInMs')::float8 / 1000
    FROM passages p LEFT JOIN trips t USING (trip_id) LEFT JOIN places g ON g.place_id = p.gate_id
    WHERE ${BETWEEN('p.decided_at')}
  )
  SELECT day, office, sum(declared) AS declared, sum(arrived) AS arrived, sum(limited) AS limited,
    sum(coalesce(on_time, 0)) AS "onTime", sum(deviations) AS deviations, sum(false_alarms) AS "falseAlarms",
    sum(passages) AS passages, sum(released) AS released, sum(gate_seconds) AS "gateSeconds"
  FROM events WHERE $3::text[] IS NULL OR office = ANY($3) GROUP BY day, office ORDER BY day, office`;

/**
 * What happened in [fromMs, toMs), by day and office.
 * @param zone whose days: a name of the IANA time zone database, as `Asia/Shanghai`
 * @param offices null counts every office, `[]` none
 */
export async function dayStats(
  db: Queryable,
  query: { fromMs: number; toMs: number; zone: string; offices: string[] | null },
): Promise<DayFigures[]> {
  const { rows } = await db.query<DayFigures>(STATS, [
    new Date(query.fromMs),
    new Date(query.toMs),
    query.offices,
    query.zone,
    rulesShowing('deviation'),
  ]);
  return rows;
}
