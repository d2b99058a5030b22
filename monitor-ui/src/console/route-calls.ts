import type { Route, RouteCheck, WhatIfAnswer } from '@sealwatch/schemas';
import { call, type KnownPlace, type PlannedRoute, Refused, type RouteVersion } from '../rest.ts';

const id = encodeURIComponent;

export const newestRoute = (routeId: string) => call<PlannedRoute>('GET', `/routes/${id(routeId)}`);
export const corridorUrl = ({ routeId, version }: RouteVersion) =>
  `/api/v1/routes/${id(routeId)}/corridor?version=${version}`;
export const saveRoute = (routeId: string, route: Route) => call<PlannedRoute>('PUT', `/routes/${id(routeId)}`, route);
export const check = (route: unknown) => call<RouteCheck>('POST', '/routes/check', route);
export const whatIf = (asked: { route: Route; routeId: string; from: string }) =>
  call<WhatIfAnswer>('POST', '/routes/what-if', asked);
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
