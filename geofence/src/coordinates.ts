import type { Crs } from '@sealwatch/schemas';
import type { RouteProblem } from './problem.ts';

export interface Line {
  /** Path of the line's array in the document. */
  path: string;
  points: [lon: number, lat: number][];
  /** How many of its points have a third value (altitude), which nothing uses. */
  altitudes?: number;
}

const MOST_POINTS = 100_000;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The lines of a LineString or MultiLineString, or why there are none. Coordinates are numbers, not yet judged. */
export function readLines(geometry: unknown): { lines: Line[] } | { problems: RouteProblem[] } {
  const type = isRecord(geometry) ? geometry.type : undefined;
  const coordinates = isRecord(geometry) ? geometry.coordinates : undefined;
  if (type !== 'LineString' && type !== 'MultiLineString') {
    const message = `expected LineString or MultiLineString, got ${JSON.stringify(type) ?? 'nothing'}`;
    return { problems: [{ path: 'geometry.type', message }] };
  }
  const lines: Line[] = [];
  const problems: RouteProblem[] = [];
  const parts: [string, unknown][] =
    type === 'LineString'
      ? [['geometry.coordinates', coordinates]]
      : Array.isArray(coordinates)
        ? coordinates.map((part: unknown, index): [string, unknown] => [`geometry.coordinates.${index}`, part])
        : [];
  if (parts.length === 0) problems.push({ path: 'geometry.coordinates', message: 'expected an array of lines' });
  for (const [path, part] of parts) problems.push(...readLine(path, part, lines));
  const points = lines.reduce((sum, line) => sum + line.points.length, 0);
  if (points > MOST_POINTS) {
    const message = `expected at most ${MOST_POINTS} points, got ${points}`;
    problems.push({ path: 'geometry.coordinates', message });
  }
  return problems.length > 0 ? { problems: problems.slice(0, 20) } : { lines };
}

function readLine(path: string, part: unknown, lines: Line[]): RouteProblem[] {
  if (!Array.isArray(part) || part.length < 2) {
    const count = Array.isArray(part) ? `${part.length}` : 'none';
    return [
      { path, message: `expected at least 2 points, got ${count}`, ...placeOf(Array.isArray(part) ? part[0] : 0) },
    ];
  }
  if (part.length > MOST_POINTS)
    return [{ path, message: `expected at most ${MOST_POINTS} points, got ${part.length}` }];
  const problems: RouteProblem[] = [];
  const points: [number, number][] = [];
  let altitudes = 0;
  for (const [index, point] of part.entries()) {
    const lon: unknown = Array.isArray(point) ? point[0] : undefined;
    const lat: unknown = Array.isArray(point) ? point[1] : undefined;
    if (typeof lon === 'number' && typeof lat === 'number' && Number.isFinite(lon) && Number.isFinite(lat)) {
      points.push([lon, lat]);
      if (Array.isArray(point) && point.length > 2) altitudes++;
    } else {
      const after = points.at(-1);
      const message = `expected [lon, lat] in degrees, got ${print(point)}`;
      problems.push({ path: `${path}.${index}`, message, ...(after ? { at: after } : {}) });
    }
    if (problems.length >= 20) break;
  }
  lines.push({ path, points, altitudes });
  return problems;
}

/** JSON turns NaN into null, which would hide what is wrong. */
function print(point: unknown): string {
  return Array.isArray(point) ? `[${point.map((value) => String(value)).join(', ')}]`.slice(0, 80) : String(point);
}

function placeOf(point: unknown): { at?: [number, number] } {
  if (!Array.isArray(point) || typeof point[0] !== 'number' || typeof point[1] !== 'number') return {};
  return { at: [point[0], point[1]] };
}

/** Values that cannot be degrees, or only the wrong way round. */
export function checkCoordinates(lines: Line[], crs: Crs): RouteProblem[] {
  const problems: RouteProblem[] = [];
  for (const line of lines) {
    for (const [index, [lon, lat]] of line.points.entries()) {
      if (Math.abs(lon) <= 180 && Math.abs(lat) <= 90) continue;
      problems.push({ path: `${line.path}.${index}`, message: explain(lon, lat, crs), at: [lon, lat] });
      if (problems.length >= 20) return problems;
    }
  }
  return problems;
}

function explain(lon: number, lat: number, crs: Crs): string {
  const got = `got [${lon}, ${lat}]`;
  if (Math.abs(lon) <= 90 && Math.abs(lat) <= 180) {
    return `longitude and latitude are swapped: expected [lon, lat], ${got}`;
  }
  if (Math.abs(lon) > 360 || Math.abs(lat) > 360) {
    return `cannot be ${crs}: these are not degrees but projected units; name the CRS and convert, ${got}`;
  }
  return `expected lon -180…180 and lat -90…90, ${got}`;
}
