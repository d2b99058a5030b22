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
  /** Which finding it is, with what its words say. */
  code?: string;
  values?: Record<string, string | number>;
}
export interface RouteCheck {
  ok: boolean;
  problems: Fault[];
  warnings: Fault[];
  /** The route as it would be stored, WGS-84. */
  route?: Route;
  corridor?: CorridorShape;
  /** Which part of the file became the route. */
  read?: { format: string; lines: number; linesFound: number; points: number; lengthM: number; crs: string };
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

const XML = /\.(gpx|kml|xml)$/i;

/**
 * A file of a route as the platform would keep it (WGS-84): GPX, KML or GeoJSON, read by the platform alone.
 * @param crs the system of its coordinates; absent: what the file says
 */
export async function importRoute(file: File, crs: string | undefined): Promise<RouteCheck> {
  const name = file.name.replace(/\.\w+$/, '').slice(0, 200);
  const asked = new URLSearchParams({ ...(name === '' ? {} : { name }), ...(crs === undefined ? {} : { crs }) });
  const isXml = XML.test(file.name) || /^\s*</.test(await file.slice(0, 200).text());
  const response = await fetch(`/api/v1/routes/check?${asked}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': isXml ? 'application/xml' : 'application/geo+json' },
    body: file,
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Refused(response.status, answer as Refused['problem']);
  return answer as RouteCheck;
}
