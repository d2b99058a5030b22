import { multiLineString } from '@turf/helpers';
import { kinks } from '@turf/kinks';
import Flatbush from 'flatbush';
import type { Line } from './coordinates.ts';
import type { RouteProblem } from './problem.ts';
import { bearingDeg, distanceM, normalLon, turnDeg } from './sphere.ts';

/** Within this distance, road is on one spot. */
const SPOT_M = 40;
/** So much road on one spot was not driven. A roundabout has 250 m. */
const SCRIBBLE_M = 500;
/** A turn by so much in one point is a reversal; the sharpest bend of a road has less. */
const REVERSAL_DEG = 150;
/** The way back is nearer to the way out than this. */
const SAME_ROAD_M = 20;
/** Shorter ways there and back are noise. */
const LEAST_BACK_M = 40;
/** A U-turn of several points is looked at this far from its middle, and counts if the road still runs back at twice that. */
const U_TURN_M = 150;
/** From here on a way back is called a part of the route that is driven twice. */
const RUNS_BACK_M = 1_000;
const STEP_M = 10;
/** Repeated points have no direction. */
const REPEATED_M = 0.05;
const MOST_WARNINGS = 20;
/** Pairs of segments looked at for crossings: a bound on the time that a scribble of 100,000 points takes. */
const MOST_PAIRS = 500_000;

interface Track {
  lon: number[];
  lat: number[];
  alongM: number[];
  paths: string[];
}

interface Span {
  fromM: number;
  toM: number;
}

/**
 * What in the shape of a line is more likely drawn than driven: road scribbled on one spot, spikes, parts that run back over
 * themselves, crossings. At most 20 of each, in the order of travel.
 */
export function shapeWarnings(lines: Line[]): RouteProblem[] {
  const track = trackOf(lines);
  const scribbles = findScribbles(track);
  const folds = findFolds(track, scribbles);
  const warnings = [
    ...scribbles.map((span) => scribble(track, span)),
    ...folds.map((span) => fold(track, span)),
    ...findCrossings(track, (firstM, againM) => {
      const isScribbled = isWithin(scribbles, firstM, SCRIBBLE_M) || isWithin(scribbles, againM, SCRIBBLE_M);
      return isScribbled || (isWithin(folds, firstM) && isWithin(folds, againM));
    }),
  ];
  return warnings.sort((a, b) => a.shape!.alongM - b.shape!.alongM);
}

/** All lines in one without repeated points; longitudes run on across the antimeridian. */
function trackOf(lines: Line[]): Track {
  const track: Track = { lon: [], lat: [], alongM: [], paths: [] };
  for (const { path, points } of lines) {
    for (const [index, [lon, lat]] of points.entries()) {
      const last = track.lon.length - 1;
      const before = track.lon[last] ?? lon;
      const stepM = last < 0 ? 0 : distanceM(before, track.lat[last]!, lon, lat);
      if (last >= 0 && stepM < REPEATED_M) continue;
      track.lon.push(before + normalLon(lon - before));
      track.lat.push(lat);
      track.alongM.push((track.alongM[last] ?? 0) + stepM);
      track.paths.push(`${path}.${index}`);
    }
  }
  return track;
}

function findScribbles({ lon, lat, alongM }: Track): Span[] {
  const found: Span[] = [];
  for (let i = 0; i < lon.length && found.length < MOST_WARNINGS; ) {
    let end = i;
    while (end + 1 < lon.length && distanceM(lon[i]!, lat[i]!, lon[end + 1]!, lat[end + 1]!) <= SPOT_M) end++;
    const isScribble = alongM[end]! - alongM[i]! >= SCRIBBLE_M;
    if (isScribble) found.push({ fromM: alongM[i]!, toM: alongM[end]! });
    const nextM = isScribble ? alongM[end]! : alongM[i]! + STEP_M;
    do i++;
    while (i < lon.length && alongM[i]! < nextM);
  }
  return found;
}

/** Parts of the line that turn and come back the same way: the turn is in the middle of the span. */
function findFolds(track: Track, scribbles: Span[]): Span[] {
  const { alongM } = track;
  const found: Span[] = [];
  let beyondM = 0;
  for (let i = 1; i + 1 < alongM.length && found.length < MOST_WARNINGS; i++) {
    if (alongM[i]! < beyondM || isWithin(scribbles, alongM[i]!)) continue;
    for (const turnM of [alongM[i]!, (alongM[i]! + alongM[i + 1]!) / 2]) {
      const isReversal = turnM === alongM[i] && turnAt(track, i) >= REVERSAL_DEG;
      const backM = retracedM(track, turnM, isReversal ? STEP_M : U_TURN_M);
      if (backM < (isReversal ? LEAST_BACK_M : 2 * U_TURN_M)) continue;
      found.push({ fromM: turnM - backM, toM: turnM + backM });
      beyondM = turnM + backM;
      break;
    }
  }
  return found;
}

function turnAt({ lon, lat }: Track, i: number): number {
  const came = bearingDeg(lon[i - 1]!, lat[i - 1]!, lon[i]!, lat[i]!);
  return turnDeg(came, bearingDeg(lon[i]!, lat[i]!, lon[i + 1]!, lat[i + 1]!));
}

/** How far on both sides of a place the line runs beside itself, metres. */
function retracedM(track: Track, turnM: number, fromM: number): number {
  const lengthM = track.alongM.at(-1)!;
  let m = fromM;
  for (; turnM - m >= 0 && turnM + m <= lengthM; m += STEP_M) {
    const [out, back] = [pointAt(track, turnM - m), pointAt(track, turnM + m)];
    if (distanceM(out[0], out[1], back[0], back[1]) > Math.min(SAME_ROAD_M, Math.max(5, m / 4))) break;
  }
  return m - STEP_M;
}

function pointAt({ lon, lat, alongM }: Track, m: number): [lon: number, lat: number] {
  const i = segmentAt(alongM, m);
  const share = (m - alongM[i]!) / (alongM[i + 1]! - alongM[i]!);
  return [lon[i]! + (lon[i + 1]! - lon[i]!) * share, lat[i]! + (lat[i + 1]! - lat[i]!) * share];
}

function segmentAt(alongM: number[], m: number): number {
  let [low, high] = [0, alongM.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (alongM[middle]! <= m) low = middle;
    else high = middle - 1;
  }
  return low;
}

const isWithin = (spans: Span[], m: number, marginM = 1): boolean =>
  spans.some(({ fromM, toM }) => m >= fromM - marginM && m <= toM + marginM);

/** Whether a crossing of two places along the route, metres, is part of what is warned of already. */
type Known = (firstM: number, againM: number) => boolean;

/** The box tree finds pairs of segments that may cross, turf says whether they do and where. */
function findCrossings(track: Track, isKnown: Known): RouteProblem[] {
  const { lon, lat } = track;
  const last = lon.length - 2;
  if (last < 2) return [];
  const index = new Flatbush(last + 1);
  const boxOf = (i: number): [number, number, number, number] => [
    Math.min(lon[i]!, lon[i + 1]!),
    Math.min(lat[i]!, lat[i + 1]!),
    Math.max(lon[i]!, lon[i + 1]!),
    Math.max(lat[i]!, lat[i + 1]!),
  ];
  for (let i = 0; i <= last; i++) index.add(...boxOf(i));
  index.finish();
  const found = new Map<string, RouteProblem>();
  let pairs = 0;
  for (let i = 0; i <= last; i++) {
    for (const k of index.search(...boxOf(i), (other) => other > i + 1)) {
      if (found.size >= MOST_WARNINGS || ++pairs > MOST_PAIRS) return [...found.values()];
      const crossing = crossingOf(track, i, k, isKnown);
      if (crossing) found.set(`${crossing.at!.map((degrees) => degrees.toFixed(5))}`, crossing);
    }
  }
  return [...found.values()];
}

function crossingOf(track: Track, i: number, k: number, isKnown: Known): RouteProblem | undefined {
  const { lon, lat, alongM, paths } = track;
  const segment = (n: number) => [
    [lon[n]!, lat[n]!],
    [lon[n + 1]!, lat[n + 1]!],
  ];
  const [kink] = kinks(multiLineString([segment(i), segment(k)])).features;
  if (!kink) return undefined;
  const [x, y] = kink.geometry.coordinates as [number, number];
  const firstM = alongM[i]! + distanceM(lon[i]!, lat[i]!, x, y);
  const againM = alongM[k]! + distanceM(lon[k]!, lat[k]!, x, y);
  // A loop that ends where it began does not cross itself.
  if (firstM < REPEATED_M && againM > alongM.at(-1)! - REPEATED_M) return undefined;
  if (isKnown(firstM, againM)) return undefined;
  const loopM = againM - firstM;
  const message = `crosses itself: km ${km(firstM)} and km ${km(againM)} of the route meet here`;
  const shape = { kind: 'crossing', alongM: firstM, lengthM: loopM } as const;
  return { path: paths[i]!, at: [normalLon(x), y], message, shape };
}

function scribble(track: Track, { fromM, toM }: Span): RouteProblem {
  const message = `${km(toM - fromM)} km of road lie within ${SPOT_M} m of one spot, from km ${km(fromM)} on`;
  return warning(track, fromM, message, { kind: 'scribble', alongM: fromM, lengthM: toM - fromM });
}

function fold(track: Track, { fromM, toM }: Span): RouteProblem {
  const turnM = (fromM + toM) / 2;
  const backM = toM - turnM;
  const shape = { kind: backM < RUNS_BACK_M ? 'spike' : 'runs-back', alongM: turnM, lengthM: backM } as const;
  const message =
    shape.kind === 'spike'
      ? `a spike: comes ${Math.round(backM)} m back the way it went, at km ${km(turnM)}`
      : `turns at km ${km(turnM)} and runs back over itself for ${km(backM)} km`;
  return warning(track, turnM, message, shape);
}

function warning(track: Track, m: number, message: string, shape: NonNullable<RouteProblem['shape']>): RouteProblem {
  const [lon, lat] = pointAt(track, m);
  const i = segmentAt(track.alongM, m + REPEATED_M);
  return { path: track.paths[i]!, at: [normalLon(lon), lat], message, shape };
}

const km = (metres: number): string => (metres / 1000).toFixed(1);
