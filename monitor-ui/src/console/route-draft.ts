import type { AllowedStop, Circle, Leg, Polygon, Route } from '@sealwatch/schemas';
import type { Position } from '../map/geojson.ts';
import { routeLines } from '../map/overlays.ts';

/** A route being drawn: plain, replaced at every change, so that each can be undone. */
export interface RouteDraft {
  name: string;
  halfWidthM: number;
  /** Lines of the route, WGS-84. */
  lines: Position[][];
  legs: Leg[];
  stops: AllowedStop[];
  origin?: Circle | Polygon | undefined;
  destination?: Circle | Polygon | undefined;
  /** What this screen does not edit, kept as it was. */
  rest: Pick<Route['properties'], 'requiredPoints' | 'params' | 'attribution'>;
}

export const emptyDraft = (): RouteDraft => ({
  name: '',
  halfWidthM: 200,
  lines: [[]],
  legs: [],
  stops: [],
  rest: { requiredPoints: [] },
});

export function draftOf(route: Route): RouteDraft {
  const {
    name,
    halfWidthM,
    legs = [],
    allowedStops,
    origin,
    destination,
    requiredPoints,
    params,
    attribution,
  } = route.properties;
  return {
    name,
    halfWidthM,
    lines: routeLines(route).map((line) => line.map(([lon, lat]) => [lon!, lat!])),
    legs,
    stops: allowedStops,
    origin,
    destination,
    rest: { requiredPoints, ...(params ? { params } : {}), ...(attribution ? { attribution } : {}) },
  };
}

/** The Feature that is checked and kept; a line of less than two points is left out. */
export function routeOf(draft: RouteDraft): Route {
  const lines = draft.lines.filter((line) => line.length > 1) as [number, number][][];
  const geometry: Route['geometry'] =
    lines.length === 1
      ? { type: 'LineString', coordinates: lines[0]! }
      : { type: 'MultiLineString', coordinates: lines };
  return {
    type: 'Feature',
    geometry,
    properties: {
      name: draft.name,
      crs: 'WGS84',
      halfWidthM: draft.halfWidthM,
      ...(draft.legs.length > 0 ? { legs: draft.legs } : {}),
      allowedStops: draft.stops,
      ...(draft.origin ? { origin: draft.origin } : {}),
      ...(draft.destination ? { destination: draft.destination } : {}),
      ...draft.rest,
    },
  };
}

export const pointCount = ({ lines }: RouteDraft): number => lines.reduce((sum, line) => sum + line.length, 0);

/** All points, part after part, as the handles on the map count them. */
export const pointsOf = ({ lines }: RouteDraft): Position[] => lines.flat();

/** The draft with one point moved, counted over all parts. */
export function withMoved(draft: RouteDraft, point: number, at: { lon: number; lat: number }): RouteDraft {
  let from = 0;
  const lines = draft.lines.map((line) => {
    const index = point - from;
    from += line.length;
    return index < 0 || index >= line.length ? line : line.with(index, [at.lon, at.lat]);
  });
  return { ...draft, lines };
}

export function withPoint(draft: RouteDraft, { lon, lat }: { lon: number; lat: number }): RouteDraft {
  const last = draft.lines.at(-1) ?? [];
  return { ...draft, lines: [...draft.lines.slice(0, -1), [...last, [lon, lat]]] };
}

/** An id from a name: letters, digits and hyphens; from the time if the name has none of them. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return slug === '' ? `route-${Date.now().toString(36)}` : slug;
}
