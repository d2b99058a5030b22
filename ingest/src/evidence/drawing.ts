import { type Corridor, type CorridorPolygon, locate } from '@sealwatch/geofence';
import type { Route, TrackPoint } from '@sealwatch/schemas';
import { type Markup, markup } from './markup.ts';
import type { EvidencePack, Excursion } from './pack.ts';

const WIDTH = 760;
const HEIGHT = 420;
const MARGIN = 28;
/** Least extent of a figure, metres; the noise of a parked truck must not fill it. */
const LEAST_SPAN_M = 400;
const METRES_PER_DEGREE = 111_320;

type LonLat = readonly [lon: number, lat: number];

interface Sheet {
  place(at: LonLat): [x: number, y: number];
  metresPerUnit: number;
}

function rangeOf(values: number[]): [least: number, most: number] {
  let [least, most] = [values[0] ?? 0, values[0] ?? 0];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

/** Projects points onto a sheet, as on a plane, which is exact enough for a figure. */
function sheetFor(points: LonLat[]): Sheet {
  const lons = points.map(([lon]) => lon);
  const lats = points.map(([, lat]) => lat);
  const [west, east] = rangeOf(lons);
  const [south, north] = rangeOf(lats);
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const widthM = Math.max((east - west) * shrink * METRES_PER_DEGREE, LEAST_SPAN_M);
  const heightM = Math.max((north - south) * METRES_PER_DEGREE, LEAST_SPAN_M);
  const metresPerUnit = Math.max(widthM / (WIDTH - 2 * MARGIN), heightM / (HEIGHT - 2 * MARGIN));
  const [midLon, midLat] = [(west + east) / 2, (south + north) / 2];
  return {
    metresPerUnit,
    place: ([lon, lat]) => [
      WIDTH / 2 + ((lon - midLon) * shrink * METRES_PER_DEGREE) / metresPerUnit,
      HEIGHT / 2 - ((lat - midLat) * METRES_PER_DEGREE) / metresPerUnit,
    ],
  };
}

function polyline(sheet: Sheet, points: LonLat[], kind: string): Markup {
  const text = points
    .map((point) =>
      sheet
        .place(point)
        .map((v) => v.toFixed(1))
        .join(','),
    )
    .join(' ');
  return markup`<polyline class="${kind}" points="${text}"/>`;
}

/** Rings of polygons as one path; holes stay empty by the even-odd rule of its style. */
function area(sheet: Sheet, { type, coordinates }: CorridorPolygon): Markup {
  const rings = type === 'Polygon' ? coordinates : coordinates.flat();
  const path = rings
    .map((ring) => `M${ring.map((at) => sheet.place(at).map((v) => v.toFixed(1))).join(' ')}Z`)
    .join('');
  return markup`<path class="corridor" d="${path}"/>`;
}

const legsOf = (route: Route): LonLat[][] =>
  (route.geometry.type === 'LineString' ? [route.geometry.coordinates] : route.geometry.coordinates).map((leg) =>
    leg.map(([lon, lat]) => [lon, lat] as const),
  );

const pointOf = (point: TrackPoint): LonLat => [point.lon, point.lat];
const timeOf = (point: TrackPoint): number => Date.parse(point.time);

export interface Mark {
  kind: 'left' | 'farthest' | 'back';
  at: LonLat;
  timeMs: number;
}

/** The stored positions of an excursion, from the last inside to the first back inside. */
export function pointsOf(track: TrackPoint[], { lockId, leftMs, toMs }: Excursion): TrackPoint[] {
  return track.filter(
    (point) => point.lockId === lockId && timeOf(point) >= leftMs && (toMs === undefined || timeOf(point) <= toMs),
  );
}

/** Points where the truck left the corridor, was farthest from it and was back inside. */
export function marksOf(corridor: Corridor, track: TrackPoint[], excursion: Excursion): Mark[] {
  const points = pointsOf(track, excursion);
  const outside = points.filter((point) => {
    const ms = timeOf(point);
    return ms >= excursion.fromMs && (excursion.toMs === undefined || ms < excursion.toMs);
  });
  const farthest = outside
    .map((point) => ({ point, m: Math.abs(locate(corridor, point.lon, point.lat).offsetM) }))
    .reduce<{ point: TrackPoint; m: number } | undefined>(
      (best, one) => (best && best.m >= one.m ? best : one),
      undefined,
    );
  const mark = (kind: Mark['kind'], point: TrackPoint | undefined): Mark[] =>
    point === undefined ? [] : [{ kind, at: pointOf(point), timeMs: timeOf(point) }];
  const back = excursion.toMs === undefined ? undefined : points.find((point) => timeOf(point) === excursion.toMs);
  return [...mark('left', points[0]), ...mark('farthest', farthest?.point), ...mark('back', back)];
}

const NICE = [1, 2, 5];

function scaleBar(sheet: Sheet): Markup {
  const wantedM = sheet.metresPerUnit * 140;
  const power = 10 ** Math.floor(Math.log10(wantedM));
  const metres = Math.max(...NICE.map((n) => n * power).filter((m) => m <= wantedM), power);
  const length = (metres / sheet.metresPerUnit).toFixed(1);
  const label = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  return markup`<g transform="translate(16 ${HEIGHT - 16})"><path class="scale" d="M0 -5 V0 H${length} V-5"/><text x="4" y="-8">${label}</text></g>`;
}

function markIn(sheet: Sheet, mark: Mark, labels: Record<Mark['kind'], string>): Markup {
  const [x, y] = sheet.place(mark.at);
  const nearRight = x > WIDTH - 160;
  const anchor = nearRight ? 'end' : 'start';
  const dx = nearRight ? -9 : 9;
  const label = `${labels[mark.kind]} ${clock(mark.timeMs)}`;
  return markup`<g class="mark ${mark.kind}" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})"><circle r="5"/><text x="${dx}" y="${mark.kind === 'back' ? 16 : -8}" text-anchor="${anchor}">${label}</text></g>`;
}

const CHINA_AHEAD_MS = 8 * 3_600_000;
/** `10:16:02`: time of day in China, as the offices' own clocks show it. */
const clock = (ms: number): string => new Date(ms + CHINA_AHEAD_MS).toISOString().slice(11, 19);

interface Shown {
  pack: EvidencePack;
  /** `pack.route` compiled: the judge's own measure says where a truck was farthest. */
  compiled: Corridor;
  excursions: Excursion[];
  labels: Record<Mark['kind'], string>;
  title: string;
}

/** Route, track and every excursion on one figure; `only`: this excursion and its surroundings. */
export function drawing({ pack, compiled, excursions, labels, title }: Shown, only?: Excursion): Markup {
  const legs = legsOf(pack.route);
  const tracks = [...new Set(pack.track.map((point) => point.lockId))].map((lockId) =>
    pack.track.filter((point) => point.lockId === lockId),
  );
  const shown = only === undefined ? excursions : [only];
  const focus = only === undefined ? [] : pointsOf(pack.track, only).map(pointOf);
  const sheet = sheetFor(focus.length > 0 ? focus : [...legs.flat(), ...pack.track.map(pointOf)]);
  const marks = shown.flatMap((excursion) => marksOf(compiled, pack.track, excursion));
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title>
<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>${pack.corridor === undefined ? '' : area(sheet, pack.corridor)}${legs.map((leg) => polyline(sheet, leg, 'route'))}${tracks.map((track) => polyline(sheet, track.map(pointOf), 'track'))}${shown.map((excursion) => polyline(sheet, pointsOf(pack.track, excursion).map(pointOf), 'off'))}${marks.map((mark) => markIn(sheet, mark, labels))}${scaleBar(sheet)}</svg>`;
}
