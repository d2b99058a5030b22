import type { Crs, Polygon, Route } from '@sealwatch/schemas';
import imported from 'gcoord';
import { isRecord } from './coordinates.ts';
import type { RouteProblem } from './problem.ts';

// gcoord's types say that a CommonJS import holds `default`; at run time, in Node and in bundles alike, it is the library.
const gcoord = imported as unknown as typeof imported.default;

/** Geographic systems in degrees: WGS 84 and CGCS2000, which differ by less than a decimetre, in 2 and 3 dimensions. */
const WGS84_CODES = ['4326', '4979', 'CRS84', 'CRS84H'];
const CGCS2000_CODES = ['4490', '4480'];
const WGS84_NAMES = /^(WGS[ _-]?(19)?84|GCS_WGS_1984|WORLD GEODETIC SYSTEM 1984|CRS:?84H?)$/;
const CGCS2000_NAMES =
  /^(CGCS[ _-]?2000|(GCS_)?CHINA[ _]GEODETIC[ _]COORDINATE[ _]SYSTEM[ _]2000|国家2000|(2000)?国家大地坐标系)$/;
const GCJ02_NAMES = /^(GCJ[ _-]?02|火星坐标系?)$/;
const BD09_NAMES = /^(BD[ _-]?09(LL)?|百度坐标系?)$/;
/** `EPSG:4490`, `urn:ogc:def:crs:OGC:1.3:CRS84`, `http://www.opengis.net/def/crs/EPSG/0/4326`, a plain `4326`. */
const AUTHORITY_CODE = /^(?:.*\b(?:EPSG|OGC)\b.*?[:/#])?(\d{4,5}|CRS84H?)(?:\/\w*\/?)?$/;

interface System {
  crs: Crs;
  isCgcs2000: boolean;
}

/** The system that a name stands for; undefined: none that can be read. */
function systemOf(text: string): System | undefined {
  const name = text.slice(0, 200).normalize('NFKC').trim().toUpperCase();
  const code = AUTHORITY_CODE.exec(name)?.[1] ?? '';
  if (WGS84_CODES.includes(code) || WGS84_NAMES.test(name)) return { crs: 'WGS84', isCgcs2000: false };
  if (CGCS2000_CODES.includes(code) || CGCS2000_NAMES.test(name)) return { crs: 'WGS84', isCgcs2000: true };
  if (GCJ02_NAMES.test(name)) return { crs: 'GCJ02', isCgcs2000: false };
  return BD09_NAMES.test(name) ? { crs: 'BD09', isCgcs2000: false } : undefined;
}

/** What GeoJSON's old `crs` member names: `{"properties":{"name"}}`, a link's `href`, an EPSG `code`, or a plain string. */
function memberName(member: unknown): string {
  if (typeof member === 'string') return member;
  const { name, href, code } = isRecord(member) && isRecord(member.properties) ? member.properties : {};
  const said = name ?? href ?? (code === undefined ? undefined : `EPSG:${String(code)}`);
  return typeof said === 'string' ? said : `${Array.isArray(member) ? 'an array' : typeof member} without a name`;
}

type CrsReading = { crs: Crs; stated: boolean; warnings: RouteProblem[] } | { problems: RouteProblem[] };

/**
 * The coordinate system of a Feature: what the caller asks for (`?crs=`), else `properties.crs`, else GeoJSON's old `crs`
 * member. One that is overruled is named in `warnings`, one that cannot be read is a problem.
 */
export function readCrs(feature: Record<string, unknown>, asked?: string): CrsReading {
  const properties = isRecord(feature.properties) ? feature.properties : {};
  const said = [
    { path: '?crs', value: asked },
    { path: 'properties.crs', value: properties.crs },
    { path: 'crs', value: feature.crs },
  ].filter(({ value }) => value !== undefined && value !== null);
  const named = said.map(({ path, value }) => ({ path, name: memberName(value) }));
  const problems = named
    .filter(({ name }) => systemOf(name) === undefined)
    .map(({ path, name }) => unreadable(path, name));
  if (problems.length > 0) return { problems };
  const [first, ...others] = named.map(({ path, name }) => ({ path, name, ...systemOf(name)! }));
  if (first === undefined) return { crs: 'WGS84', stated: false, warnings: [] };
  const warnings = others
    .filter(({ crs }) => crs !== first.crs)
    .map(({ path, name }) => ({
      path,
      message: `says ${name}, but ${first.path} says ${first.name}, which was taken`,
      code: 'crs-overruled',
      values: { name, other: first.path, taken: first.name },
    }));
  return { crs: first.crs, stated: true, warnings: first.isCgcs2000 ? [...warnings, asWgs84(first)] : warnings };
}

const unreadable = (path: string, name: string): RouteProblem => ({
  path,
  message: `${name.slice(0, 200)} cannot be read: write WGS84 (EPSG:4326, CRS84, EPSG:4490), GCJ02 or BD09, or convert the file to one of these`,
  code: 'crs-unreadable',
  values: { name: name.slice(0, 200) },
});

const asWgs84 = ({ path, name }: { path: string; name: string }): RouteProblem => ({
  path,
  message: `${name} (CGCS2000) was taken as WGS84: they differ by less than a decimetre`,
  code: 'crs-cgcs2000',
  values: { name },
});

/** Mainland China in a box: maps there are drawn in GCJ-02, which is some 500 m off. */
const isInChina = (lon: number, lat: number): boolean => lon > 73.4 && lon < 135.1 && lat > 18 && lat < 53.6;

/** The warning for coordinates in China whose system nobody named; undefined outside of China. */
export function unstatedCrs(points: Iterable<readonly [number, number, ...number[]]>): RouteProblem | undefined {
  for (const [lon, lat] of points) {
    if (!isInChina(lon, lat)) continue;
    const message =
      'not stated, taken for WGS84. A line drawn on AMap, Tencent or Google in China is GCJ02, on Baidu BD09: ' +
      'taken for WGS84 it lies some 500 m beside the road and every truck would leave it';
    return { path: 'properties.crs', at: [lon, lat], message, code: 'crs-unstated' };
  }
  return undefined;
}

/** A position in WGS-84; China's map offset is undone to within a metre. */
export function toWgs84(point: readonly [number, number, ...number[]], crs: Crs): [lon: number, lat: number] {
  if (crs === 'WGS84') return [point[0], point[1]];
  const from = crs === 'GCJ02' ? gcoord.GCJ02 : gcoord.BD09;
  const [lon, lat] = gcoord.transform([point[0], point[1]], from, gcoord.WGS84);
  return [lon, lat];
}

export const polygonInWgs84 = (shape: Polygon, crs: Crs): Polygon =>
  crs === 'WGS84'
    ? shape
    : { ...shape, coordinates: shape.coordinates.map((ring) => ring.map((p) => toWgs84(p, crs))) };

type End = NonNullable<Route['properties']['origin']>;

/** The whole route, stops and ends included, in WGS-84. Says so in `warnings` where something was converted. */
export function withCrsConverted(route: Route, warnings: RouteProblem[]): Route {
  const crs = route.properties.crs;
  if (crs === 'WGS84') return route;
  const convert = (point: readonly [number, number, ...number[]]) => toWgs84(point, crs);
  const circle = <T extends { center: [number, number, ...number[]] }>(c: T): T => ({
    ...c,
    center: convert(c.center),
  });
  const end = (shape: End): End => ('type' in shape ? polygonInWgs84(shape, crs) : circle(shape));
  const { geometry, properties } = route;
  warnings.push({
    path: 'properties.crs',
    message: `converted from ${crs} to WGS84, stops and ends included`,
    code: 'crs-converted',
    values: { crs },
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
