import type { Alarm, TrackPoint } from '@sealwatch/schemas';
import type { Feature, FeatureCollection, Position } from './geojson.ts';
import { flatDistanceM } from './overlays.ts';

/** Texts of the marks of a deviation. */
export interface TrailWords {
  left: (atMs: number) => string;
  farthest: (metres: number) => string;
  back: (atMs: number) => string;
}

/** Pieces of the tail, each more opaque than the one before, so that it fades towards its old end. */
const FADES = 6;

/** Marks closer to each other than this would overlap, m. */
const MARKS_APART_M = 600;

const place = (point: TrackPoint): Position => [point.lon, point.lat];

/**
 * The tail of a truck, and for each deviation where the truck left the route, was farthest from it and came back. Times
 * are those of the alarm; the farthest point is the track point farthest from the planned line.
 */
export function trailFeatures(
  track: TrackPoint[],
  deviations: Alarm[],
  plan: Position[][],
  words: TrailWords,
): FeatureCollection {
  const features: Feature[] = [...tail(track)];
  for (const alarm of deviations) features.push(...deviation(track, alarm, plan, words));
  return { type: 'FeatureCollection', features };
}

/** Splits a trail into lines, which grow all the time, and marks, which seldom change: each has its own source. */
export function splitTrail({ features }: FeatureCollection): { lines: FeatureCollection; marks: FeatureCollection } {
  const isMark = ({ properties }: Feature) => properties.kind === 'mark';
  return {
    lines: { type: 'FeatureCollection', features: features.filter((feature) => !isMark(feature)) },
    marks: { type: 'FeatureCollection', features: features.filter(isMark) },
  };
}

function tail(track: TrackPoint[]): Feature[] {
  const size = Math.max(1, Math.ceil(track.length / FADES));
  const pieces: Feature[] = [];
  for (let from = 0; from + 1 < track.length; from += size) {
    pieces.push({
      type: 'Feature',
      properties: { kind: 'tail', opacity: 0.18 + (0.72 * (from + size)) / Math.max(track.length, 1) },
      geometry: { type: 'LineString', coordinates: track.slice(from, from + size + 1).map(place) },
    });
  }
  return pieces;
}

function deviation(track: TrackPoint[], alarm: Alarm, plan: Position[][], words: TrailWords): Feature[] {
  const fromMs = Date.parse(alarm.lastInsideAt ?? alarm.startedAt);
  const toMs = alarm.endedAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(alarm.endedAt);
  const span = track.filter((point) => {
    const at = Date.parse(point.time);
    return at >= fromMs && at <= toMs;
  });
  const first = span[0];
  const last = span.at(-1);
  if (!first || !last || span.length < 2) return [];
  const mark = (point: TrackPoint, text: string): Feature => ({
    type: 'Feature',
    properties: { kind: 'mark', text },
    geometry: { type: 'Point', coordinates: place(point) },
  });
  const features: Feature[] = [
    {
      type: 'Feature',
      properties: { kind: 'deviation' },
      geometry: { type: 'LineString', coordinates: span.map(place) },
    },
    mark(first, words.left(Date.parse(alarm.lastInsideAt ?? alarm.startedAt))),
  ];
  const far = farthest(span, plan);
  // If the truck is still at its farthest point, it would cover the mark.
  if (far && flatDistanceM(place(far.point), place(last)) > MARKS_APART_M && alarm.maxDistanceM !== undefined) {
    features.push(
      {
        type: 'Feature',
        properties: { kind: 'reach' },
        geometry: { type: 'LineString', coordinates: [place(far.point), far.onPlan] },
      },
      mark(far.point, words.farthest(alarm.maxDistanceM)),
    );
  }
  if (alarm.endedAt !== undefined) features.push(mark(last, words.back(Date.parse(alarm.endedAt))));
  return features;
}

/** The point of the track farthest from the plan, and the nearest point of the plan to it. */
export function farthest(track: TrackPoint[], plan: Position[][]): { point: TrackPoint; onPlan: Position } | undefined {
  let found: { point: TrackPoint; onPlan: Position; metres: number } | undefined;
  for (const point of track) {
    const near = nearestOn(plan, place(point));
    if (near && (!found || near.metres > found.metres)) found = { point, onPlan: near.at, metres: near.metres };
  }
  return found;
}

/** The nearest point on lines, on a plane scaled at the point. */
export function nearestOn(lines: Position[][], at: Position): { at: Position; metres: number } | undefined {
  const cos = Math.cos((at[1]! * Math.PI) / 180);
  let best: { at: Position; metres: number } | undefined;
  for (const line of lines) {
    for (let i = 1; i < line.length; i++) {
      const [a, b] = [line[i - 1]!, line[i]!];
      const [dx, dy] = [(b[0]! - a[0]!) * cos, b[1]! - a[1]!];
      const along = ((at[0]! - a[0]!) * cos * dx + (at[1]! - a[1]!) * dy) / (dx * dx + dy * dy || 1);
      const share = Math.max(0, Math.min(1, along));
      const foot: Position = [a[0]! + (b[0]! - a[0]!) * share, a[1]! + (b[1]! - a[1]!) * share];
      const metres = flatDistanceM(at, foot);
      if (!best || metres < best.metres) best = { at: foot, metres };
    }
  }
  return best;
}
