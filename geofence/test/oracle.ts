import * as turf from '@turf/turf';

/** Slow and independent: what turf says about the same question. */
export function turfLocate(line: readonly (readonly [number, number])[], lon: number, lat: number) {
  const feature = turf.lineString(line.map(([x, y]) => [x, y]));
  const found = turf.nearestPointOnLine(feature, turf.point([lon, lat]), { units: 'meters' });
  return { distanceM: found.properties.pointDistance, progressM: found.properties.totalDistance };
}

/** Tolerance of the comparison: a metre, and half a per cent for positions up to 100 km away. */
export function isClose(got: number, expected: number): boolean {
  return Math.abs(got - expected) <= Math.max(1, Math.abs(expected) * 0.005);
}
