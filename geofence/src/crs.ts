import { Crs, type Polygon, type Route } from '@sealwatch/schemas';
import imported from 'gcoord';
import { isRecord } from './coordinates.ts';
import type { RouteProblem } from './problem.ts';

// gcoord's types say that a CommonJS import holds `default`; at run time, in Node and in bundles alike, it is the library.
const gcoord = imported as unknown as typeof imported.default;

/** The route's CRS, or why it cannot be read. GeoJSON's old `crs` member is read; anything but WGS 84 is refused. */
export function readCrs(
  feature: Record<string, unknown>,
): { crs: Crs; stated: boolean } | { problems: RouteProblem[] } {
  const member = feature.crs;
  if (member !== undefined && member !== null) {
    const properties = isRecord(member) ? member.properties : undefined;
    const name = isRecord(properties) ? String(properties.name) : JSON.stringify(member);
    if (!/4326|CRS84|WGS[ _]?84/i.test(name)) {
      const message = `${name} cannot be read: expected WGS 84 degrees, or properties.crs GCJ02 or BD09`;
      return { problems: [{ path: 'crs', message }] };
    }
  }
  const stated = isRecord(feature.properties) ? feature.properties.crs : undefined;
  if (stated === undefined) return { crs: 'WGS84', stated: member !== undefined && member !== null };
  const crs = Crs.safeParse(stated);
  if (crs.success) return { crs: crs.data, stated: true };
  const message = `expected ${Crs.options.join(', ')}, got ${JSON.stringify(stated)}`;
  return { problems: [{ path: 'properties.crs', message }] };
}

/** A position in WGS-84; China's map offset is undone to within a metre. */
export function toWgs84(point: readonly [number, number, ...number[]], crs: Crs): [lon: number, lat: number] {
  if (crs === 'WGS84') return [point[0], point[1]];
  const from = crs === 'GCJ02' ? gcoord.GCJ02 : gcoord.BD09;
  const [lon, lat] = gcoord.transform([point[0], point[1]], from, gcoord.WGS84);
  return [lon, lat];
}

type End = NonNullable<Route['properties']['origin']>;

/** The whole route, stops and ends included, in WGS-84. Says so in `warnings` where something was converted. */
export function withCrsConverted(route: Route, warnings: RouteProblem[]): Route {
  const crs = route.properties.crs;
  if (crs === 'WGS84') return route;
  const convert = (point: readonly [number, number, ...number[]]) => toWgs84(point, crs);
  const polygon = (shape: Polygon): Polygon => ({
    ...shape,
    coordinates: shape.coordinates.map((r) => r.map(convert)),
  });
  const circle = <T extends { center: [number, number, ...number[]] }>(c: T): T => ({
    ...c,
    center: convert(c.center),
  });
  const end = (shape: End): End => ('type' in shape ? polygon(shape) : circle(shape));
  const { geometry, properties } = route;
  warnings.push({
    path: 'properties.crs',
    message: `converted from ${crs} to WGS84, stops and ends included`,
  });
  return {
    ...route,
    geometry:
      geometry.type === 'LineString'
        ? { ...geometry, coordinates: geometry.coordinates.map(convert) }
        : { ...geometry, coordinates: geometry.coordinates.map((line) => line.map(convert)) },
    properties: {
      ...properties,
      crs: 'WGS84',
      allowedStops: properties.allowedStops.map(circle),
      requiredPoints: properties.requiredPoints.map(circle),
      ...(properties.origin ? { origin: end(properties.origin) } : {}),
      ...(properties.destination ? { destination: end(properties.destination) } : {}),
    },
  };
}
