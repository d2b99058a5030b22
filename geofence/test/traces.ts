import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RouteInput } from '@sealwatch/schemas';
import type { JudgedFix } from '../src/index.ts';

// The second place is for the benchmarks, which run from dist/.
const DATA = ['./fixtures/', '../../../test/fixtures/']
  .map((path) => new URL(path, import.meta.url))
  .find((folder) => existsSync(folder))!;

export interface Point {
  timeMs: number;
  lon: number;
  lat: number;
  speedKmh?: number;
  accuracyM?: number;
}

export function readTrace(name: string): Point[] {
  const [head, ...rows] = readFileSync(new URL(`traces/${name}.csv`, DATA), 'utf8')
    .trim()
    .split(/\r?\n/);
  const columns = head!.split(',');
  return rows.map((row) => {
    const cells = row.split(',');
    const cell = (column: string) => {
      const text = cells[columns.indexOf(column)];
      return text === undefined || text === '' ? undefined : Number(text);
    };
    const speedKmh = cell('gps_speed_kmh');
    const accuracyM = cell('gps_accuracy_m');
    return {
      timeMs: cell('t_utc')! * 1000,
      lon: cell('lon')!,
      lat: cell('lat')!,
      ...(speedKmh === undefined ? {} : { speedKmh }),
      ...(accuracyM === undefined ? {} : { accuracyM }),
    };
  });
}

const ARACAJU_DUPLICATES = new Set(
  '21 27 31 45 50 56 135 137 139 141 143 32447 37951 37954 37972 37997 38021'.split(' ').map(Number),
);

export function readAracaju(): Point[][] {
  const rows = readFileSync(new URL('traces/aracaju.csv', DATA), 'utf8').trim().split(/\r?\n/).slice(1);
  const tracks = new Map<number, Point[]>();
  for (const row of rows) {
    const [id, seconds, lon, lat] = row.split(',').map(Number) as [number, number, number, number];
    if (ARACAJU_DUPLICATES.has(id)) continue;
    const track = tracks.get(id) ?? [];
    tracks.set(id, track);
    track.push({ timeMs: seconds * 1000, lon, lat });
  }
  return [...tracks.values()];
}

/** Positions of a receiver standing still, one a sentence, one a second where the log has no better time. */
export function readParked(): { name: string; points: Point[] }[] {
  const folder = new URL('traces/parked/', DATA);
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return logs.map((name) => ({ name, points: readNmea(readFileSync(new URL(name, folder), 'latin1')) }));
}

function readNmea(text: string): Point[] {
  const points: Point[] = [];
  for (const line of text.split(/\r?\n/)) {
    const cells = line.split(',');
    if (!/^\$G[PN]RMC$/.test(cells[0] ?? '') || cells[2] !== 'A') continue;
    const degrees = (value: string, whole: number) => Number(value.slice(0, whole)) + Number(value.slice(whole)) / 60;
    const clock = cells[1]!;
    const timeMs = (Number(clock.slice(0, 2)) * 3600 + Number(clock.slice(2, 4)) * 60 + Number(clock.slice(4))) * 1000;
    points.push({
      timeMs: Math.round(timeMs),
      lat: degrees(cells[3]!, 2) * (cells[4] === 'S' ? -1 : 1),
      lon: degrees(cells[5]!, 3) * (cells[6] === 'W' ? -1 : 1),
      speedKmh: Number(cells[7]) * 1.852,
    });
  }
  return points;
}

export function readLine(name: string, feature = 0): [number, number][] {
  const collection = JSON.parse(readFileSync(new URL(`routes/${name}.geojson`, DATA), 'utf8')) as {
    features: { geometry: { coordinates: [number, number][] } }[];
  };
  return collection.features[feature]!.geometry.coordinates;
}

export function routeOf(
  coordinates: readonly (readonly [number, number])[],
  properties: Partial<RouteInput['properties']> = {},
): RouteInput {
  return {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: coordinates.map(([lon, lat]) => [lon, lat]) },
    properties: { name: 'test', crs: 'WGS84', ...properties },
  };
}

export function fixesOf(points: readonly Point[], lockId = 'LOCK01'): JudgedFix[] {
  return points.map((point, index) => ({ ...point, source: 'gnss', lockId, boot: 1, seq: index + 1 }));
}
