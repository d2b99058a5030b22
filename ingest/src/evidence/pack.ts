import type { CorridorPolygon } from '@sealwatch/geofence';
import type { Alarm, Place, Route, SealState, TrackPoint, Trip } from '@sealwatch/schemas';
import { rulesShowing } from '../tracker/index.ts';

/** The stored records of one lock on a trip. */
export interface RecordsDigest {
  lockId: string;
  containerNo: string;
  records: number;
  /** Fix times, RFC 3339. */
  firstAt?: string;
  lastAt?: string;
  /** SHA-256, hex, over one line of JSON and a line feed a record, as `GET /locks/{id}/reports` answers them. */
  sha256: string;
  /** The seal as first reported, and each change of it. */
  seals: SealChange[];
}

export interface SealChange {
  at: string;
  lockId: string;
  seal: SealState;
  position?: { lon: number; lat: number };
}

export interface Act {
  at: string;
  actor: string;
  action: string;
}

export interface GatePassage {
  gateId: string;
  gateName: string;
  passageId: string;
  at: string;
  verdict: 'release' | 'manual' | 'alarm';
  reasons: { rule: string; text: string }[];
  decision?: { decision: string; by: string; secondBy?: string; comment: string; at: string };
  place?: Place;
}

/** Everything the store holds about one trip, as plain data, for an evidence page or an EPCIS document. */
export interface EvidencePack {
  generatedAt: string;
  trip: Trip;
  route: Route;
  /** The route in its true width; absent where it cannot be drawn. */
  corridor?: CorridorPolygon;
  /** Oldest first. */
  alarms: (Alarm & { text?: { zh: string; en: string } })[];
  passages: GatePassage[];
  acts: Act[];
  track: TrackPoint[];
  /** The greatest distance of a stored position that was left out of `track`, metres. */
  thinnedWithinM: number;
  records: RecordsDigest[];
}

export interface Excursion {
  alarmId: string;
  lockId: string;
  leftMs: number;
  fromMs: number;
  /** Absent: not back yet. */
  toMs?: number;
  maxDistanceM?: number;
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** When the trip was off its route, from its alarms. */
export function excursionsOf(alarms: Alarm[]): Excursion[] {
  return alarms
    .filter((alarm) => rulesShowing('deviation').includes(alarm.rule))
    .flatMap((alarm) => {
      const listed = Array.isArray(alarm.evidence.excursions) ? alarm.evidence.excursions : [];
      const excursions = (listed as Record<string, unknown>[]).flatMap((excursion): Excursion[] => {
        const fromMs = numberOf(excursion.fromMs);
        if (fromMs === undefined) return [];
        const [toMs, maxDistanceM] = [numberOf(excursion.toMs), numberOf(excursion.maxDistanceM)];
        return [
          {
            alarmId: alarm.alarmId,
            lockId: String(excursion.lockId ?? alarm.lockId),
            leftMs: numberOf(excursion.lastInsideMs) ?? fromMs,
            fromMs,
            ...(toMs === undefined ? {} : { toMs }),
            ...(maxDistanceM === undefined ? {} : { maxDistanceM }),
          },
        ];
      });
      return excursions.length > 0 ? excursions : [wholeOf(alarm)];
    });
}

function wholeOf(alarm: Alarm): Excursion {
  return {
    alarmId: alarm.alarmId,
    lockId: alarm.lockId,
    leftMs: Date.parse(alarm.lastInsideAt ?? alarm.startedAt),
    fromMs: Date.parse(alarm.startedAt),
    ...(alarm.endedAt === undefined ? {} : { toMs: Date.parse(alarm.endedAt) }),
    ...(alarm.maxDistanceM === undefined ? {} : { maxDistanceM: alarm.maxDistanceM }),
  };
}
