import type { UseCaseDeps } from '../ports.ts';
import { isoOf } from '../postgres/iso.ts';
import { type Corridors, noCorridor } from '../roads/corridors.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import { listPassages } from '../store/passages/passages.ts';
import { listAudit } from '../store/people/audit.ts';
import { tripTrack } from '../store/reports/reports.ts';
import { getRoute } from '../store/roads/routes.ts';
import { unitWindows } from '../store/trips/evidence.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripOf } from '../store/trips/view.ts';
import { digestOf } from './digest.ts';
import type { EvidencePack, GatePassage, RecordsDigest } from './pack.ts';

const MOST = 500;
/** Enough for a figure on A4. */
const TRACK_POINTS = 4_000;

const passageOf = (row: Awaited<ReturnType<typeof listPassages>>[number]): GatePassage => ({
  gateId: row.gate_id,
  gateName: row.gate_name,
  passageId: row.passage_id,
  at: isoOf(row.decided_at),
  verdict: row.verdict,
  reasons: row.answer.reasons.map(({ rule, text }) => ({ rule, text })),
  ...(row.decision === null
    ? {}
    : {
        decision: {
          decision: row.decision,
          by: row.decision_by ?? '',
          ...(row.second_by === null ? {} : { secondBy: row.second_by }),
          comment: row.comment ?? '',
          at: isoOf(row.decision_at ?? row.decided_at),
        },
      }),
});

/** Everything of a trip that its caller may see. */
export async function evidenceOf(
  { pool, ruleText }: Pick<UseCaseDeps, 'pool' | 'ruleText'>,
  row: TripView,
  corridors: Corridors,
): Promise<EvidencePack> {
  const tripId = row.trip_id;
  const [route, alarms, passages, acts, track, windows] = await Promise.all([
    getRoute(pool, row.route_id, row.route_version),
    listAlarms(pool, { tripId, offices: null, limit: MOST }),
    listPassages(pool, { tripId, offices: null, limit: MOST }),
    listAudit(pool, { subject: `trip:${tripId}`, offices: null, limit: MOST }),
    tripTrack(pool, { tripId, maxPoints: TRACK_POINTS }),
    unitWindows(pool, tripId),
  ]);
  const corridor = await corridors.ofVersion(route!).catch(noCorridor);
  const records: RecordsDigest[] = [];
  for (const window of windows) records.push(await digestOf(pool, window));
  return {
    generatedAt: new Date().toISOString(),
    trip: tripOf(row),
    route: route!.feature,
    ...(corridor ? { corridor } : {}),
    alarms: alarms.reverse().map((alarm) => {
      const text = ruleText?.(alarm.rule);
      return { ...alarmOf(alarm), ...(text ? { text } : {}) };
    }),
    passages: passages.reverse().map(passageOf),
    acts: acts.reverse().map(({ at, actor, action }) => ({ at: isoOf(at), actor, action })),
    track: track.points,
    thinnedWithinM: track.thinnedWithinM,
    records,
  };
}
