import type { AlarmKind, PassageAnswer, PassageQuestion, Severity, Step, TripStatus } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import type { AuditEntry } from '../people/audit.ts';
import { type DeclaredParams, declaredParams } from '../roads/params.ts';
import { IS_OPEN, VISIBLE } from '../trips/conditions.ts';
import { CUSTODY, type Custody } from '../trips/custody.ts';
import { type TripView, tripViewSql } from '../trips/row.ts';
import type { EventType } from '../webhooks/outbox.ts';

/** What was read at a gate, in every spelling under which it may be on file. */
export interface GateReading {
  plates: string[];
  containers: string[];
  lockIds: string[];
}

/** A trip that something read may belong to, with all that its verdict and its write-off need. */
export interface GateCandidate extends TripView, Custody, DeclaredParams {
  alarms: { rule: string; kind: AlarmKind; severity: Severity; phase: string }[];
  /** How many alarms of each rule people have disposed of. */
  disposals: Record<string, number>;
}

export interface GateScene {
  gate: { name: string; office: string | undefined } | undefined;
  /** Which of the lock ids that were read are registered and not retired. */
  registered: string[];
  /** Open trips, the newest 20. */
  candidates: GateCandidate[];
}

/** Everything a gate's verdict rests on, in one look: a statement sees one moment of the store. */
const SCENE = `WITH seen AS (
    SELECT trip_id FROM trips t WHERE tractor_plate = ANY($2) AND ${IS_OPEN()}
    UNION SELECT trip_id FROM trips t WHERE trailer_plate = ANY($2) AND ${IS_OPEN()}
    UNION SELECT trip_id FROM trip_units WHERE container_no = ANY($3)
    UNION SELECT trip_id FROM trip_units WHERE lock_id = ANY($4))
  SELECT g.name AS gate_name, g.feature #>> '{properties,office}' AS gate_office,
    ARRAY(SELECT l.lock_id FROM locks l WHERE l.lock_id = ANY($4) AND l.retired_at IS NULL) AS registered, c.*
  FROM (SELECT 1) one
  LEFT JOIN places g ON g.place_id = $1 AND g.kind = 'gate'
  LEFT JOIN LATERAL (${tripViewSql(`,
      (SELECT coalesce(json_agg(json_build_object('rule', a.rule, 'kind', a.kind, 'severity', a.severity, 'phase', a.phase)),
        '[]'::json) FROM alarms a WHERE a.trip_id = t.trip_id AND a.active) AS alarms,
      (SELECT coalesce(json_object_agg(d.rule, d.n), '{}'::json) FROM (SELECT rule, count(*) AS n FROM alarms a
        WHERE a.trip_id = t.trip_id AND a.disposed_at IS NOT NULL GROUP BY rule) d) AS disposals,
      ${declaredParams},
      ${CUSTODY("CASE WHEN $6 = 'out' THEN t.origin_office ELSE t.destination_office END")}`)}
    WHERE t.trip_id IN (SELECT trip_id FROM seen) AND ${IS_OPEN()} AND ${VISIBLE(5)}
      AND t.simulated >= (g.simulated OR $7)
    ORDER BY t.created_at DESC LIMIT 20) c ON g.name IS NOT NULL`;

type SceneRow = GateCandidate & {
  gate_name: string | null;
  gate_office: string | null;
  registered: string[];
};

export async function gateScene(
  db: Queryable,
  at: { gateId: string; direction: 'in' | 'out'; offices: string[] | null; simulatedOnly: boolean },
  read: GateReading,
): Promise<GateScene> {
  const { rows } = await db.query<SceneRow>({
    name: 'gate-scene',
    text: SCENE,
    values: [at.gateId, read.plates, read.containers, read.lockIds, at.offices, at.direction, at.simulatedOnly],
  });
  const first = rows[0]!;
  return {
    gate: first.gate_name === null ? undefined : { name: first.gate_name, office: first.gate_office ?? undefined },
    registered: first.registered,
    candidates: rows.filter((row) => row.trip_id !== null),
  };
}

/** What a decision changes of its trip; times as RFC 3339. */
export interface GateChange {
  status: TripStatus;
  steps: Step[];
  sealedAt?: string;
  departedAt?: string;
  arrivedAt?: string;
  verifiedAt?: string;
  writtenOffAt?: string;
}

export interface GateDecision {
  gateId: string;
  question: PassageQuestion;
  /** The day that the passage's id belongs to. */
  day: string;
  /** When the truck was at the gate, RFC 3339. */
  at: string;
  answer: PassageAnswer;
  /** The trip as it was looked at; it must still stand so. */
  looked: TripView | undefined;
  change?: GateChange | undefined;
  commands: { commandId: string; lockId: string; type: 'unlock' | 'interval'; intervalS?: number; expiresAt: Date }[];
  alarms: { alarmId: string; lockId: string; rule: string; what: string }[];
  events: { type: EventType; tripId?: string | undefined; data: object }[];
  entries: AuditEntry[];
  by: string;
}

/**
 * The whole decision in one statement, which is one transaction. It writes nothing where the passage was decided
 * meanwhile, or if the trip has changed since it was read: its row is locked, and what was judged by is
 * compared with what it has become. A trip that it changes is asked to be judged, and with an alarm those that share its
 * lock or container, whose colour it is too.
 */
const DECIDE = `WITH held AS (
    SELECT trip_id FROM trips WHERE trip_id = $6 AND status = $7 AND risk = $8 AND hold_reason IS NOT DISTINCT FROM $9
      AND (written_off_at IS NOT NULL) = $10::boolean FOR NO KEY UPDATE),
  kept AS (
    INSERT INTO passages (gate_id, passage_id, day, decided_at, question, answer, verdict, trip_id)
    SELECT $1, $2, $18, clock_timestamp(), $3, $4, $5, $6 WHERE $6::uuid IS NULL OR EXISTS (SELECT 1 FROM held)
    ON CONFLICT DO NOTHING RETURNING decided_at),
  raised AS (
    INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, confirmed_at,
      raised_at, evidence)
    SELECT x."alarmId", $6, x."lockId", x.rule, 'latched', 'critical', 'open', true, $15, $15, clock_timestamp(),
      jsonb_build_object('gateId', $1::text, 'what', x.what)
    FROM kept, jsonb_to_recordset($11) AS x("alarmId" uuid, "lockId" text, rule text, what text)
    ON CONFLICT DO NOTHING RETURNING alarm_id, rule, evidence),
  changed AS (
    UPDATE trips t SET risk = CASE WHEN EXISTS (SELECT 1 FROM raised) THEN 2 ELSE t.risk END,
      status = coalesce(x.status, t.status), steps = coalesce(x.steps, t.steps),
      sealed_at = coalesce(x."sealedAt", t.sealed_at), departed_at = coalesce(t.departed_at, x."departedAt"),
      arrived_at = coalesce(t.arrived_at, x."arrivedAt"), verified_at = coalesce(x."verifiedAt", t.verified_at),
      written_off_at = coalesce(t.written_off_at, x."writtenOffAt")
    FROM kept, jsonb_to_record($12) AS x(status text, steps jsonb, "sealedAt" timestamptz, "departedAt" timestamptz,
      "arrivedAt" timestamptz, "verifiedAt" timestamptz, "writtenOffAt" timestamptz)
    WHERE t.trip_id = $6 AND ($12 <> '{}' OR $11 <> '[]')),
  asked AS (
    INSERT INTO to_judge (trip_id)
    SELECT trip_id FROM (
      SELECT $6::uuid AS trip_id FROM kept WHERE $6::uuid IS NOT NULL AND ($12 <> '{}' OR EXISTS (SELECT FROM raised))
      UNION SELECT trips_sharing_units($6) FROM kept WHERE EXISTS (SELECT FROM raised)) x
    ORDER BY trip_id
    ON CONFLICT (trip_id) DO UPDATE SET asked = excluded.asked),
  tracked AS (
    UPDATE trip_units u SET tracked_from = coalesce(u.tracked_from, ($12 ->> 'sealedAt')::timestamptz) FROM kept
    WHERE u.trip_id = $6 AND $12 ? 'sealedAt'),
  commanded AS (
    INSERT INTO commands (command_id, lock_id, trip_id, type, interval_s, created_by, expires_at)
    SELECT x."commandId", x."lockId", $6, x.type, x."intervalS", $16, x."expiresAt"
    FROM kept, jsonb_to_recordset($13) AS x("commandId" uuid, "lockId" text, type text, "intervalS" int,
      "expiresAt" timestamptz)),
  announced AS (
    INSERT INTO outbox (type, trip_id, data)
    SELECT x.event ->> 'type', (x.event ->> 'tripId')::uuid, x.event -> 'data'
    FROM kept, jsonb_array_elements($14) WITH ORDINALITY AS x(event, n)
    UNION ALL SELECT 'alarm.raised', $6::uuid, jsonb_build_object('alarmId', alarm_id, 'rule', rule) || evidence
    FROM raised),
  noted AS (
    INSERT INTO audit (at, actor, action, subject, before, after)
    SELECT clock_timestamp(), x.entry ->> 'actor', x.entry ->> 'action', x.entry ->> 'subject', x.entry -> 'before',
      x.entry -> 'after'
    FROM kept, jsonb_array_elements($17) WITH ORDINALITY AS x(entry, n))
  SELECT decided_at, ARRAY(SELECT alarm_id FROM raised) AS alarm_ids FROM kept`;

/** @returns undefined if nothing was written: read again and decide by the new state */
export async function keepDecision(
  db: Queryable,
  decision: GateDecision,
): Promise<{ decidedAt: Date; alarmIds: string[] } | undefined> {
  const { gateId, question, at, answer, looked, change, by } = decision;
  const { rows } = await db.query<{ decided_at: Date; alarm_ids: string[] }>({
    name: 'gate-decide',
    text: DECIDE,
    values: [
      gateId,
      question.passageId,
      question,
      answer,
      answer.verdict,
      looked?.trip_id ?? null,
      looked?.status ?? null,
      looked?.risk ?? null,
      looked?.hold_reason ?? null,
      looked !== undefined && looked.written_off_at !== null,
      JSON.stringify(decision.alarms),
      JSON.stringify(change ?? {}),
      JSON.stringify(decision.commands),
      JSON.stringify(decision.events),
      at,
      by,
      JSON.stringify(decision.entries),
      decision.day,
    ],
  });
  const kept = rows[0];
  return kept && { decidedAt: kept.decided_at, alarmIds: kept.alarm_ids };
}
