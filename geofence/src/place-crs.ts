import type { Polygon } from '@sealwatch/schemas';
import { polygonInWgs84, readCrs, unstatedCrs } from './crs.ts';
import type { RouteProblem } from './problem.ts';

/**
 * A polygon in WGS-84, by the coordinate system that its Feature names in `properties.crs` or in GeoJSON's old `crs` member.
 * @returns the polygon with what was taken or converted, or why the system cannot be read
 */
export function placeInWgs84(
  feature: Record<string, unknown>,
  geometry: Polygon,
): { geometry: Polygon; warnings: RouteProblem[] } | { problems: RouteProblem[] } {
  const system = readCrs(feature);
  if ('problems' in system) return system;
  const { crs, stated, warnings } = system;
  const unstated = stated ? undefined : unstatedPlace(geometry);
  if (unstated) return { geometry, warnings: [...warnings, unstated] };
  if (crs === 'WGS84') return { geometry, warnings };
  const message = `converted from ${crs} to WGS84`;
  const converted = { path: 'properties.crs', message, code: 'crs-converted', values: { crs } };
  return { geometry: polygonInWgs84(geometry, crs), warnings: [...warnings, converted] };
}

function unstatedPlace({ coordinates }: Polygon): RouteProblem | undefined {
  const unstated = unstatedCrs(coordinates.flat());
  const message =
    'not stated, taken for WGS84. A place drawn on AMap, Tencent or Google in China is GCJ02, on Baidu BD09: ' +
    'taken for WGS84 it lies some 500 m beside the place, and no truck is ever inside';
  return unstated && { ...unstated, message };
}
