import { type Crs, Route, unusedMembers } from '@sealwatch/schemas';
import { checkCoordinates, isRecord, type Line, readLines } from './coordinates.ts';
import { readCrs, toWgs84, unstatedCrs, withCrsConverted } from './crs.ts';
import { shapeWarnings } from './line-shape.ts';
import type { RouteProblem } from './problem.ts';
import { distanceM } from './sphere.ts';

export interface RouteCheck {
  ok: boolean;
  /** Why the route is refused; empty where `ok`. */
  problems: RouteProblem[];
  /** What a person should look at although the route is taken. */
  warnings: RouteProblem[];
  /** The route in WGS-84 with every default filled in; only where `ok`. */
  route?: Route;
  /** What of the line was read; only where `ok`. */
  read?: { points: number; lengthM: number; crs: Crs };
}

/** A stop or an end of the route farther than this from its line is not on the way. */
const FAR_STOP_M = 50_000;
/** A gap between two lines of a MultiLineString that is worth a word. */
const GAP_M = 100;
/** Shorter than this nothing can be said about a trip. */
const SHORTEST_M = 10;

/**
 * Says everything that is wrong with a route, with the place in the document and on earth, and what was done to it
 * (coordinates converted, gaps bridged). Never throws.
 * @param input a GeoJSON Feature as in `PUT /routes/{id}`
 * @param crs the name of its coordinate system; overrules what the Feature says
 */
export function checkRoute(input: unknown, crs?: string): RouteCheck {
  const check = checkJudgeable(input, crs);
  if (check.route === undefined) return check;
  const { geometry } = check.route;
  const read = readLines(geometry);
  const shape = 'lines' in read ? shapeWarnings(read.lines) : [];
  return { ...check, warnings: [...check.warnings, ...shape] };
}

/** The same without a look at the line's shape, which nothing but a person's eye depends on. */
export function checkJudgeable(input: unknown, crs?: string): RouteCheck {
  const warnings: RouteProblem[] = [];
  const refused = (problems: RouteProblem[]): RouteCheck => ({ ok: false, problems, warnings });
  if (!isRecord(input) || input.type !== 'Feature') {
    return refused([{ path: 'type', message: `expected a GeoJSON Feature, got ${kindOf(input)}` }]);
  }
  const read = readLines(input.geometry);
  if ('problems' in read) return refused(read.problems);
  const system = readCrs(input, crs);
  if ('problems' in system) return refused(system.problems);
  const faults = checkCoordinates(read.lines, system.crs);
  if (faults.length > 0) return refused(faults);

  const { crs: _, ...members } = input;
  const properties = isRecord(input.properties) ? { ...input.properties, crs: system.crs } : input.properties;
  const parsed = Route.safeParse({ ...members, properties });
  if (!parsed.success) {
    return refused(
      parsed.error.issues.slice(0, 20).map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
    );
  }
  warnings.push(...system.warnings, ...unused(members, parsed.data), ...altitudes(read.lines));
  const route = withCrsConverted(parsed.data, warnings);
  const unstated = system.stated ? undefined : unstatedCrs(read.lines.flatMap(({ points }) => points));
  if (unstated) warnings.push(unstated);
  const lines = read.lines.map((line) => ({
    ...line,
    points: line.points.map((point) => toWgs84(point, system.crs)),
  }));
  const problems = [...checkLine(lines, warnings), ...checkLegs(route, lines, warnings)];
  problems.push(...checkStops(route, lines, warnings));
  if (problems.length > 0) return refused(problems);
  const points = lines.reduce((sum, line) => sum + line.points.length, 0);
  return { ok: true, problems, warnings, route, read: { points, lengthM: lengthOf(lines), crs: system.crs } };
}

/** Members that a route does not have. */
function unused(sent: object, route: Route): RouteProblem[] {
  return unusedMembers(sent, route).map((path) => ({
    path: path.join('.'),
    message: 'was not used: a route has no such member',
    code: 'not-used',
    values: { n: 1 },
  }));
}

function altitudes(lines: Line[]): RouteProblem[] {
  const n = lines.reduce((sum, line) => sum + (line.altitudes ?? 0), 0);
  const message = `the third value (altitude) of ${n} points is not used`;
  return n === 0 ? [] : [{ path: 'geometry.coordinates', message, code: 'altitude', values: { n } }];
}

function kindOf(input: unknown): string {
  if (isRecord(input)) return `type ${JSON.stringify(input.type)}`;
  return Array.isArray(input) ? 'an array' : String(input === null ? null : typeof input);
}

/** No two points of a route are farther apart; the longest straight of a real railway drawn coarsely is shorter. */
const JUMP_M = 250_000;

function checkLine(lines: Line[], warnings: RouteProblem[]): RouteProblem[] {
  const problems: RouteProblem[] = [];
  let lengthM = 0;
  let last: [number, number] | undefined;
  for (const line of lines) {
    for (const [index, point] of line.points.entries()) {
      const path = `${line.path}.${index}`;
      const stepM = last ? distanceM(last[0], last[1], point[0], point[1]) : 0;
      lengthM += stepM;
      if (stepM > JUMP_M) {
        problems.push({
          path,
          at: point,
          message: `jumps ${km(stepM)} from the point before; a point is wrong or missing`,
        });
      } else if (index === 0 && stepM > GAP_M) {
        warnings.push({
          path,
          at: point,
          message: `begins ${km(stepM)} from the end of the line before; joined straight`,
          code: 'gap',
          values: { m: Math.round(stepM) },
        });
      }
      last = point;
    }
  }
  if (lengthM < SHORTEST_M) {
    const at = lines[0]?.points[0];
    const message = `the route is ${lengthM.toFixed(1)} m long: expected at least two different points, ${SHORTEST_M} m`;
    problems.push({ path: 'geometry.coordinates', message, ...(at ? { at } : {}) });
  }
  return problems.slice(0, 20);
}

function km(metres: number): string {
  return metres < 10_000 ? `${(metres / 1000).toFixed(1)} km` : `${Math.round(metres / 1000)} km`;
}

function checkLegs(route: Route, lines: Line[], warnings: RouteProblem[]): RouteProblem[] {
  const problems: RouteProblem[] = [];
  const lengthM = lengthOf(lines);
  const legs = (route.properties.legs ?? []).map((leg, index) => ({ ...leg, path: `properties.legs.${index}` }));
  for (const leg of legs) {
    if (leg.toM <= leg.fromM) {
      problems.push({ path: `${leg.path}.toM`, message: `${leg.toM} is not beyond fromM ${leg.fromM}` });
    }
    if (leg.fromM >= lengthM) {
      const message = `${leg.fromM} is beyond the route's end at ${Math.round(lengthM)} m`;
      problems.push({ path: `${leg.path}.fromM`, message });
    } else if (leg.toM > lengthM + 1000) {
      const message = `${leg.toM} is beyond the route's end at ${Math.round(lengthM)} m; cut there`;
      warnings.push({ path: `${leg.path}.toM`, message });
    }
  }
  const inOrder = [...legs].sort((a, b) => a.fromM - b.fromM);
  for (let i = 1; i < inOrder.length; i++) {
    const [before, leg] = [inOrder[i - 1]!, inOrder[i]!];
    if (leg.fromM < before.toM) {
      problems.push({
        path: `${leg.path}.fromM`,
        message: `${leg.fromM} overlaps ${before.path}, which ends at ${before.toM}`,
      });
    }
  }
  return problems;
}

function lengthOf(lines: Line[]): number {
  let lengthM = 0;
  let last: [number, number] | undefined;
  for (const { points } of lines) {
    for (const point of points) {
      if (last) lengthM += distanceM(last[0], last[1], point[0], point[1]);
      last = point;
    }
  }
  return lengthM;
}

/** Ends and stops that are far from the line: the line's axes are swapped, or the stop is another route's. */
function checkStops(route: Route, lines: Line[], warnings: RouteProblem[]): RouteProblem[] {
  const { origin, destination, allowedStops } = route.properties;
  const places: { path: string; at: [number, number] }[] = [];
  const add = (path: string, end: typeof origin) => {
    if (end === undefined) return;
    const at = 'type' in end ? end.coordinates[0]![0]! : end.center;
    places.push({ path, at: [at[0], at[1]] });
  };
  add('properties.origin', origin);
  add('properties.destination', destination);
  for (const [index, stop] of allowedStops.entries()) add(`properties.allowedStops.${index}`, stop);

  const points = lines.flatMap((line) => line.points);
  const alongM = alongOf(points);
  const far = places.filter(({ at }) => !isNear(points, alongM, at)).slice(0, 20);
  const mirrored = points.filter(([lon]) => Math.abs(lon) <= 90).map(([lon, lat]): [number, number] => [lat, lon]);
  if (far.length > 0 && far.every(({ at }) => isNear(mirrored, alongOf(mirrored), at))) {
    const message = 'lies on the route only with longitude and latitude swapped: expected [lon, lat] in both';
    return far.map(({ path, at }) => ({ path, at, message }));
  }
  for (const { path, at } of far)
    warnings.push({ path, at, message: `lies more than ${km(FAR_STOP_M)} from the route` });
  return [];
}

function alongOf(points: readonly [number, number][]): number[] {
  const alongM = [0];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    alongM.push(alongM[i - 1]! + distanceM(a[0], a[1], b[0], b[1]));
  }
  return alongM;
}

/** Whether a point of the line lies within `FAR_STOP_M`. From d away nothing nearer can come within d of road: leap. */
function isNear(points: readonly [number, number][], alongM: number[], at: [number, number]): boolean {
  for (let i = 0; i < points.length; ) {
    const beyondM = distanceM(points[i]![0], points[i]![1], at[0], at[1]) - FAR_STOP_M;
    if (beyondM <= 0) return true;
    const fromM = alongM[i]!;
    do i++;
    while (i < points.length && alongM[i]! - fromM < beyondM);
  }
  return false;
}
