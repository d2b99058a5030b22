import { readFileSync } from 'node:fs';
import type { Place, RouteInput } from '@sealwatch/schemas';
import { LineString } from '@sealwatch/schemas';
import { z } from 'zod';
import type { LonLat, Path } from '../path.ts';
import { moved, pathOf, pointAt } from '../path.ts';

export const ROUTE_ID = 'yiwu-beilun';
export const GATE_ID = 'daxie';
export const ORIGIN_OFFICE = '2921';
/** An invented office code within customs district 31; see simulator/data/README.md. */
export const DESTINATION_OFFICE = '3100';

/** Town and yard legs at the ends, with the narrower corridor. */
export const END_LEG_M = { start: 2_500, end: 3_500 };
const TOWN_HALF_WIDTH_M = 80;
const HALF_WIDTH_M = 200;

/** Service areas: metres of the road, and distance of the parked trucks from it. */
export const SERVICE_AREAS = [
  { placeId: 'service-a', name: '服务区 A', atM: 62_000 },
  { placeId: 'service-b', name: '服务区 B', atM: 148_000 },
] as const;
export const SERVICE_AWAY_M = 90;
const SERVICE_RADIUS_M = 350;
const SERVICE_STAY_MIN = 45;

const Collection = z.object({ features: z.array(z.object({ geometry: LineString })).min(1) });

/** The real road that the demo drives, from the yard in Yiwu to the quay in Beilun. */
export function loadRoad(): Path {
  const file = new URL('../../data/road-yiwu-beilun.geojson', import.meta.url);
  const { features } = Collection.parse(JSON.parse(readFileSync(file, 'utf8')));
  return pathOf((features[0]?.geometry.coordinates ?? []).map(([lon, lat]) => ({ lon, lat })));
}

export const lonLat = ({ lon, lat }: LonLat): [number, number] => [Number(lon.toFixed(6)), Number(lat.toFixed(6))];

/** Centre of a service area: beside the carriageway, to the right of travel. */
export function serviceCentre(road: Path, atM: number): LonLat {
  const on = pointAt(road, atM);
  return moved(on, on.headingDeg + 90, SERVICE_AWAY_M);
}

export function demoRoute(road: Path): RouteInput {
  const end = (name: string, at: LonLat, radiusM: number) => ({ name, center: lonLat(at), radiusM });
  return {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: road.points.map(lonLat) },
    properties: {
      name: '义乌 → 大榭/北仑 Yiwu → Daxie / Beilun',
      crs: 'WGS84',
      halfWidthM: HALF_WIDTH_M,
      legs: [
        { fromM: 0, toM: END_LEG_M.start, halfWidthM: TOWN_HALF_WIDTH_M },
        {
          fromM: Math.floor(road.lengthM) - END_LEG_M.end,
          toM: Math.floor(road.lengthM),
          halfWidthM: TOWN_HALF_WIDTH_M,
        },
      ],
      allowedStops: SERVICE_AREAS.map(({ name, atM }) => ({
        ...end(name, serviceCentre(road, atM), SERVICE_RADIUS_M),
        maxStayMin: SERVICE_STAY_MIN,
      })),
      origin: end('义乌监管场站 Yiwu yard', pointAt(road, 0), 400),
      destination: end('大榭/北仑 Daxie / Beilun', pointAt(road, road.lengthM), 700),
      attribution: '© OpenStreetMap contributors, ODbL 1.0',
    },
  };
}

/** A rectangle around a place, turned with the road. */
export function rectangle(middle: LonLat, headingDeg: number, lengthM: number, widthM: number): Place['geometry'] {
  const corner = (along: number, across: number) =>
    lonLat(moved(moved(middle, headingDeg, (along * lengthM) / 2), headingDeg + 90, (across * widthM) / 2));
  const ring = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)];
  return { type: 'Polygon', coordinates: [ring] };
}

/** The places of the demo by id: office and yard at the start, gate and port at the end, two service areas. */
export function demoPlaces(road: Path): Record<string, Place> {
  const start = pointAt(road, 0);
  const gate = pointAt(road, road.lengthM - GATE_STOP_M);
  const quay = pointAt(road, road.lengthM);
  const place = (geometry: Place['geometry'], properties: Place['properties']): Place => ({
    type: 'Feature',
    geometry,
    properties,
  });
  const office = moved(start, start.headingDeg + 90, 260);
  const port = moved(quay, quay.headingDeg, 500);
  const places: Record<string, Place> = {
    'yiwu-office': place(rectangle(office, start.headingDeg, 200, 120), {
      name: '义乌海关 Yiwu customs',
      kind: 'office',
      office: ORIGIN_OFFICE,
    }),
    'yiwu-yard': place(rectangle(start, start.headingDeg, 500, 240), {
      name: '义乌监管场站 Yiwu yard',
      kind: 'yard',
      office: ORIGIN_OFFICE,
    }),
    [GATE_ID]: place(rectangle(gate, gate.headingDeg, 400, 300), {
      name: '大榭卡口 Daxie gate',
      kind: 'gate',
      office: DESTINATION_OFFICE,
    }),
    'daxie-port': place(rectangle(port, quay.headingDeg, 800, 700), {
      name: '大榭/北仑港区 Daxie / Beilun port',
      kind: 'port',
      office: DESTINATION_OFFICE,
    }),
  };
  for (const { placeId, name, atM } of SERVICE_AREAS) {
    const centre = serviceCentre(road, atM);
    const shape = rectangle(centre, pointAt(road, atM).headingDeg, 460, 140);
    places[placeId] = place(shape, { name, kind: 'service-area' });
  }
  return places;
}

/** Distance of the barrier from the road's end, m. */
export const GATE_STOP_M = 60;
