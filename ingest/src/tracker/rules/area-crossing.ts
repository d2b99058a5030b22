import { crossZones, positionAt, zonesAt } from '@sealwatch/geofence';
import type { EvaluationContext } from '../evaluation-context.ts';
import type { KnownPlace, TripPlan } from '../plan.ts';

/** The corridor is followed in steps of this length, metres. */
const STEP_M = 100;
/** The lines along the corridor that an area must lie across, as shares of the half-width: no way is left within 80 % of it. */
const LINES = [-0.8, 0, 0.8];
const METRES_PER_DEGREE = 111_195;

/**
 * The restricted areas that the truck has crossed between its last fix and this one, which both lie outside of them: on the
 * straight line if the fixes are close in time; otherwise those that lie across the corridor between two fixes in it.
 */
export function crossedBetween(
  context: EvaluationContext,
  { straightMostMin, corridorMostMin }: { straightMostMin: number; corridorMostMin: number },
): KnownPlace[] {
  const { fix, last, plan } = context;
  const from = last?.fix;
  if (!fix || !from || !hasRestricted(plan)) return [];
  const apartMin = (fix.timeMs - from.timeMs) / 60_000;
  if (apartMin <= straightMostMin) return restricted(plan, crossed(plan, [from.lon, from.lat], [fix.lon, fix.lat]));
  return apartMin <= corridorMostMin ? restricted(plan, acrossCorridor(context)) : [];
}

function hasRestricted({ places }: TripPlan): boolean {
  for (const place of places.byId.values()) if (place.kind === 'restricted') return true;
  return false;
}

function restricted({ places }: TripPlan, ids: string[]): KnownPlace[] {
  return ids.flatMap((id) => places.byId.get(id) ?? []).filter(({ kind }) => kind === 'restricted');
}

type LonLat = [lon: number, lat: number];

function crossed({ places }: TripPlan, from: LonLat, to: LonLat): string[] {
  return crossZones(places.zones, from, to).flatMap(({ id, kind }) => (kind === 'cross' ? id : []));
}

/** Areas that every line along the corridor meets between the two fixes, without those that hold one of the fixes. */
function acrossCorridor({ plan, report, fix, last, before, verdict }: EvaluationContext): string[] {
  const at = before.route.locks.find(({ lockId }) => lockId === report.lockId)?.at;
  const located = verdict?.located;
  if (!fix || !last?.fix || !located || verdict?.where !== 'inside') return [];
  if (!at?.inside || at.timeMs !== last.fix.timeMs) return [];
  const met = LINES.map((share) => metAlong(plan, at.progressM, located.progressM, share * located.halfWidthM));
  const { zones } = plan.places;
  const ends = [...zonesAt(zones, last.fix.lon, last.fix.lat), ...zonesAt(zones, fix.lon, fix.lat)];
  return [...met[0]!].filter((id) => !ends.includes(id) && met.every((ids) => ids.has(id)));
}

/** The areas that a line beside the route meets. @param asideM metres to the right of the route */
function metAlong(plan: TripPlan, fromM: number, toM: number, asideM: number): Set<string> {
  const ids = new Set<string>();
  const steps = Math.max(1, Math.ceil(Math.abs(toM - fromM) / STEP_M));
  let at = beside(plan, fromM, asideM);
  for (let i = 1; i <= steps; i++) {
    const next = beside(plan, fromM + ((toM - fromM) * i) / steps, asideM);
    for (const { id } of crossZones(plan.places.zones, at, next)) ids.add(id);
    at = next;
  }
  return ids;
}

function beside({ corridor }: TripPlan, progressM: number, asideM: number): LonLat {
  const { lon, lat, headingDeg } = positionAt(corridor, progressM);
  const right = ((headingDeg + 90) * Math.PI) / 180;
  const narrow = Math.cos((lat * Math.PI) / 180);
  return [
    lon + (asideM * Math.sin(right)) / (METRES_PER_DEGREE * narrow),
    lat + (asideM * Math.cos(right)) / METRES_PER_DEGREE,
  ];
}
