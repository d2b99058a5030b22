import type { Route } from '@sealwatch/schemas';
import type { CorridorShape } from '../map/geojson.ts';
import { call, type KnownPlace, type PlannedRoute, Refused, type RouteVersion } from '../rest.ts';

const id = encodeURIComponent;

export interface Fault {
  path: string;
  message: string;
  at?: number[];
  /** Of a warning about the shape of the line, metres. */
  shape?: { kind: 'crossing' | 'spike' | 'runs-back' | 'scribble'; alongM: number; lengthM: number };
}
export interface RouteCheck {
  ok: boolean;
  problems: Fault[];
  warnings: Fault[];
  /** As it would be kept: WGS-84. */
  route?: Route;
  corridor?: CorridorShape;
}
/** A past trip judged by another route. */
export interface WhatIfVerdict {
  tripId: string;
  plate: string;
  departedAt: string;
  routeVersion: number;
  wasRed: boolean;
  red: boolean;
  records: number;
  startedAt?: string;
  endedAt?: string;
  maxDistanceM?: number;
  position?: { lon: number; lat: number };
}

export const newestRoute = (routeId: string) => call<PlannedRoute>('GET', `/routes/${id(routeId)}`);
export const corridorUrl = ({ routeId, version }: RouteVersion) =>
  `/api/v1/routes/${id(routeId)}/corridor?version=${version}`;
export const saveRoute = (routeId: string, route: Route) => call<PlannedRoute>('PUT', `/routes/${id(routeId)}`, route);
export const check = (route: unknown) => call<RouteCheck>('POST', '/routes/check', route);
export const whatIf = (asked: { route: Route; routeId: string; from: string }) =>
  call<{ items: WhatIfVerdict[]; complete: boolean }>('POST', '/routes/what-if', asked);
export const savePlace = (placeId: string, place: object) => call<KnownPlace>('PUT', `/places/${id(placeId)}`, place);

/** A GPX file, of which the platform says what it reads. */
async function checkGpx(text: string): Promise<RouteCheck> {
  const response = await fetch('/api/v1/routes/check', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/gpx+xml' },
    body: text,
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Refused(response.status, answer as Refused['problem']);
  return answer as RouteCheck;
}

interface Loose {
  type?: string;
  features?: Loose[];
  geometry?: { type?: string };
  properties?: Record<string, unknown> | null;
}

/** The first line of a GeoJSON file, whatever it is wrapped in. */
function featureOf(file: Loose): Loose | undefined {
  if (file.type === 'FeatureCollection') {
    return file.features?.find(({ geometry }) => geometry?.type?.endsWith('LineString'));
  }
  if (file.type?.endsWith('LineString')) return { type: 'Feature', geometry: file as { type: string }, properties: {} };
  return file;
}

/**
 * A file of a route in a named coordinate system, as the platform would keep it (WGS-84).
 * @throws SyntaxError where it is not JSON
 */
export async function importRoute(file: { name: string; text: string }, crs: string): Promise<RouteCheck> {
  const name = file.name.replace(/\.\w+$/, '');
  if (/\.gpx$/i.test(file.name) || /^\s*<\?xml|^\s*<gpx/.test(file.text)) {
    const read = await checkGpx(file.text);
    return crs === 'WGS84' || read.route === undefined
      ? read
      : check({ ...read.route, properties: { ...read.route.properties, crs } });
  }
  const feature = featureOf(JSON.parse(file.text) as Loose) ?? {};
  return check({ ...feature, properties: { name, ...feature.properties, crs } });
}
