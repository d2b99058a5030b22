import { distanceM, type RouteProblem } from '@sealwatch/geofence';

/** A line of a file: a track with its segments, a route, a LineString; its parts belong together. */
export interface BroughtLine {
  /** Where it is in the file, e.g. `gpx.trk.0`. */
  path: string;
  name?: string | undefined;
  parts: { path: string; points: unknown[] }[];
}

/** What a file of more than one plain Feature holds. */
export interface Brought {
  format: 'GPX' | 'KML' | 'GeoJSON';
  /** How many lines the file has; those that cannot be used are in `unused`. */
  found: number;
  lines: BroughtLine[];
  name?: string | undefined;
  properties: Record<string, unknown>;
  crs?: unknown;
  unused: Unused;
}

const MOST_PATHS = 50;

/** Elements and members of a file that nothing reads, by path, with how often each occurs. */
export class Unused {
  readonly #counts = new Map<string, number>();
  #more = 0;

  add(path: string): void {
    const count = this.#counts.get(path);
    if (count === undefined && this.#counts.size >= MOST_PATHS) this.#more++;
    else this.#counts.set(path, (count ?? 0) + 1);
  }

  warnings(): RouteProblem[] {
    const warnings = [...this.#counts].map(([path, n]) => notUsed(path, n));
    return this.#more > 0 ? [...warnings, notUsed('…', this.#more)] : warnings;
  }
}

const notUsed = (path: string, n: number): RouteProblem => ({
  path,
  message: n === 1 ? 'was not used' : `was not used (${n} times)`,
  code: 'not-used',
  values: { n },
});

/** Lines of a file that do not belong to one track are joined if the next begins within this of the end of the last. */
const MEET_M = 1_000;

type Point = readonly [number, number];
const isPoint = (value: unknown): value is Point =>
  Array.isArray(value) && Number.isFinite(value[0]) && Number.isFinite(value[1]);

function gapM(from: BroughtLine, to: BroughtLine): number {
  const [end, start] = [from.parts.at(-1)?.points.at(-1), to.parts[0]?.points[0]];
  // What is no position is refused by the check of the route.
  return isPoint(end) && isPoint(start) ? distanceM(end[0], end[1], start[0], start[1]) : 0;
}

const km = (metres: number): number => Math.round(metres / 100) / 10;

/** Lines that begin too far from the end of the line before. */
export function apart(lines: BroughtLine[]): RouteProblem[] {
  const problems: RouteProblem[] = [];
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1];
    const metres = before === undefined ? 0 : gapM(before, line);
    if (before === undefined || metres <= MEET_M) continue;
    const values = { km: km(metres), before: before.path, n: lines.length };
    const start = line.parts[0]?.points[0];
    problems.push({
      path: line.path,
      ...(isPoint(start) ? { at: [start[0], start[1]] } : {}),
      message: `begins ${values.km} km from the end of ${before.path}. The ${lines.length} lines of a file are joined in their order if each begins within ${MEET_M / 1000} km of the end of the one before: bring one line, or bring them in the order and the direction of travel`,
      code: 'lines-apart',
      values,
    });
  }
  return problems.slice(0, 20);
}

/** Says that several lines became one route. */
export function joined({ format, lines }: Brought): RouteProblem[] {
  if (lines.length < 2) return [];
  const names = lines.map(({ name, path }) => name ?? path).join(', ');
  const shown = names.length > 300 ? `${names.slice(0, 300)}…` : names;
  const message = `${lines.length} lines were joined in the order of the file: ${shown}`;
  return [{ path: format, message, code: 'joined', values: { n: lines.length, names: shown } }];
}

const firstText = (...texts: unknown[]): string | undefined =>
  texts
    .filter((text) => typeof text === 'string')
    .map((text) => text.trim())
    .find((text) => text !== '');

/** The route of a file as a Feature, named by itself, by its first line, or by the file. */
export function featureOf(brought: Brought, fileName: string | undefined): Record<string, unknown> {
  const { format, lines, properties, crs } = brought;
  const parts = lines.flatMap((line) => line.parts.map(({ points }) => points));
  const own = [brought.name, lines[0]?.name];
  const fallback = format === 'GeoJSON' ? undefined : format;
  const name = firstText(properties.name, ...(lines.length > 1 ? own : own.reverse()), fileName, fallback);
  return {
    type: 'Feature',
    geometry:
      parts.length === 1
        ? { type: 'LineString', coordinates: parts[0] }
        : { type: 'MultiLineString', coordinates: parts },
    properties: { ...properties, ...(name === undefined ? {} : { name }) },
    ...(crs === undefined ? {} : { crs }),
  };
}

/** A problem of the joined route, with the place in the file instead of that in the route. */
export function inFile(problem: RouteProblem, { lines }: Brought): RouteProblem {
  const paths = lines.flatMap((line) => line.parts.map(({ path }) => path));
  const [, line, point = ''] = /^geometry\.coordinates(?:\.(\d+))?(?:\.(\d+))?$/.exec(problem.path) ?? [];
  if (line === undefined) return problem;
  if (paths.length === 1) return { ...problem, path: `${paths[0]}.${line}` };
  return { ...problem, path: `${paths[Number(line)] ?? ''}${point === '' ? '' : `.${point}`}` };
}
