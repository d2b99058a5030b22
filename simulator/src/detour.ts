import type { LonLat, Path } from './path.ts';
import { cut, distanceM, moved, nearest, pathOf, pointAt } from './path.ts';

/**
 * A detour off the road and back: out by a ramp at `leaveM`, along beside the road, back at `rejoinM` (both metres of the
 * road). A pull-in to a service area is the same with a small `awayM` and a stop halfway.
 */
export interface Detour {
  leaveM: number;
  rejoinM: number;
  /** side of travel */
  side: 'left' | 'right';
  /** how far beside the road, m */
  awayM: number;
  limitKmh: number;
  /** length of the stop halfway, s */
  stopS?: number;
}

/** The road with its detours, and where each begins and ends on the new path. */
export interface DetouredPath {
  path: Path;
  detours: { fromM: number; toM: number; detour: Detour }[];
}

/** Heading of the road over a few hundred metres, so that one bend does not swing a whole parallel road. */
function courseDeg(road: Path, atM: number): number {
  const a = pointAt(road, atM - 400);
  const b = pointAt(road, atM + 400);
  const east = (b.lon - a.lon) * Math.cos((a.lat * Math.PI) / 180);
  return (Math.atan2(east, b.lat - a.lat) * 180) / Math.PI;
}

const PARALLEL_STEP_M = 500;

/** The points of the way off the road, without the points of leaving and rejoining. */
export function detourPoints(road: Path, detour: Detour): LonLat[] {
  const aside = detour.side === 'right' ? 90 : -90;
  const beside = (m: number) => moved(pointAt(road, m), courseDeg(road, m) + aside, detour.awayM);
  // A ramp takes the truck forward by a third of what it takes it sideways.
  const rampM = Math.min(detour.awayM / 3, (detour.rejoinM - detour.leaveM) / 4);
  const points: LonLat[] = [];
  const lastM = detour.rejoinM - rampM;
  for (let m = detour.leaveM + rampM; m < lastM - PARALLEL_STEP_M / 2; m += PARALLEL_STEP_M) points.push(beside(m));
  points.push(beside(lastM));
  return points;
}

/** Least distance to the road while on the parallel part, m: small if the road bends into the detour. */
export function clearanceM(road: Path, detour: Detour): number {
  return Math.min(...detourPoints(road, detour).map((point) => nearest(road, point).distanceM));
}

/** Puts detours, in any order and not overlapping, into the part of the road from `fromM` to `toM`. */
export function withDetours(road: Path, detours: readonly Detour[], fromM: number, toM: number): DetouredPath {
  const inside = detours
    .filter((detour) => detour.leaveM > fromM && detour.rejoinM < toM)
    .sort((a, b) => a.leaveM - b.leaveM);
  const points: LonLat[] = [];
  const placed: DetouredPath['detours'] = [];
  let at = fromM;
  let length = 0;
  const add = (part: readonly LonLat[]): number => {
    for (const point of part) {
      const last = points.at(-1);
      if (last) length += distanceM(last, point);
      points.push(point);
    }
    return length;
  };
  for (const detour of inside) {
    const from = add(cut(road, at, detour.leaveM));
    add(detourPoints(road, detour));
    const to = add([pointAt(road, detour.rejoinM)]);
    placed.push({ fromM: from, toM: to, detour });
    at = detour.rejoinM;
  }
  add(cut(road, at, toM));
  return { path: pathOf(points), detours: placed };
}
