import { readFileSync } from 'node:fs';
import type { Place, RouteInput } from '@sealwatch/schemas';
import { LineString } from '@sealwatch/schemas';
import { z } from 'zod';
import {
  DESTINATION_OFFICE,
  demoPlaces,
  demoRoute,
  END_LEG_M,
  GATE_ID,
  GATE_STOP_M,
  loadRoad,
  lonLat,
  ORIGIN_OFFICE,
  ROUTE_ID,
  rectangle,
  SERVICE_AREAS,
  SERVICE_AWAY_M,
} from '../demo/road.ts';
import type { Path } from '../path.ts';
import { pathOf, pointAt } from '../path.ts';
import type { Rest } from '../rest.ts';

export const LINES = ['road', 'rail'] as const;
export type LineName = (typeof LINES)[number];

/** The line of a scenario: the planned route, its places and its vehicles. */
export interface Line {
  name: LineName;
  mode: 'road' | 'rail';
  routeId: string;
  gateId: string;
  originOffice: string;
  destinationOffice: string;
  path: Path;
  route: RouteInput;
  places: Record<string, Place>;
  /** allowed stops by the names that scenarios give them: metres of the line, and metres beside it */
  areas: Record<string, { atM: number; awayM: number }>;
  /** the slow first and last stretches, m */
  townM: { start: number; end: number };
  /** distance of the gate from the end, m */
  gateStopM: number;
  cruiseKmh: [least: number, most: number];
}

function roadLine(): Line {
  const path = loadRoad();
  const areas = Object.fromEntries(
    SERVICE_AREAS.map(({ atM }, i) => [['A', 'B'][i]!, { atM, awayM: SERVICE_AWAY_M }] as const),
  );
  return {
    name: 'road',
    mode: 'road',
    routeId: ROUTE_ID,
    gateId: GATE_ID,
    originOffice: ORIGIN_OFFICE,
    destinationOffice: DESTINATION_OFFICE,
    path,
    route: demoRoute(path),
    places: demoPlaces(path),
    areas,
    townM: END_LEG_M,
    gateStopM: GATE_STOP_M,
    cruiseKmh: [74, 90],
  };
}

const RAIL_GATE = 'alashankou-rail';
/** Invented office codes; see simulator/data/README.md. */
const RAIL_ORIGIN_OFFICE = '9401';
const RAIL_DESTINATION_OFFICE = '9400';
const RAIL_HALF_WIDTH_M = 200;
/** The yard at the end must hold a whole train. */
const RAIL_YARD_RADIUS_M = 1_500;
/** Waits of three to four hours at the border are legitimate. */
const BORDER_STAY_MIN = 300;

const Railway = z.object({ features: z.array(z.object({ geometry: z.looseObject({ type: z.string() }) })) });

function loadRailway(): Path {
  const file = new URL('../../data/rail-dostyk-alashankou.geojson', import.meta.url);
  const { features } = Railway.parse(JSON.parse(readFileSync(file, 'utf8')));
  const lines = features.flatMap(({ geometry }) =>
    geometry.type === 'LineString' ? [LineString.parse(geometry)] : [],
  );
  const [first, second] = lines.map((line) => line.coordinates.map(([lon, lat]) => ({ lon, lat })));
  // The two pieces overlap by some 200 m at Dostyk station: the first ends beyond the second's beginning.
  return pathOf([...(first ?? []).slice(0, -1), ...(second ?? [])]);
}

function railLine(): Line {
  const path = loadRailway();
  const endM = path.lengthM;
  // The wait is at Dostyk station, some 13 km before the end.
  const dostykM = endM - 13_000;
  const circle = (name: string, atM: number, radiusM: number) => ({
    name,
    center: lonLat(pointAt(path, atM)),
    radiusM,
  });
  const gate = pointAt(path, endM - GATE_STOP_M);
  return {
    name: 'rail',
    mode: 'rail',
    routeId: 'dostyk-alashankou',
    gateId: RAIL_GATE,
    originOffice: RAIL_ORIGIN_OFFICE,
    destinationOffice: RAIL_DESTINATION_OFFICE,
    path,
    route: {
      type: 'Feature',
      geometry: { type: 'LineString', coordinates: path.points.map(lonLat) },
      properties: {
        name: '多斯特克 → 阿拉山口 Dostyk → Alashankou',
        crs: 'WGS84',
        halfWidthM: RAIL_HALF_WIDTH_M,
        allowedStops: [
          { ...circle('边境等候 Border wait, Dostyk', dostykM, RAIL_YARD_RADIUS_M), maxStayMin: BORDER_STAY_MIN },
        ],
        origin: circle('编组站 Marshalling yard', 0, RAIL_YARD_RADIUS_M),
        destination: circle('阿拉山口 Alashankou', endM, RAIL_YARD_RADIUS_M),
        attribution: '© OpenStreetMap contributors, ODbL 1.0',
      },
    },
    places: {
      [RAIL_GATE]: {
        type: 'Feature',
        geometry: rectangle(gate, gate.headingDeg, 2 * RAIL_YARD_RADIUS_M, 600),
        properties: { name: '阿拉山口铁路卡口 Alashankou rail gate', kind: 'gate', office: RAIL_DESTINATION_OFFICE },
      },
    },
    areas: { border: { atM: dostykM, awayM: 12 } },
    townM: { start: 2_000, end: 2_000 },
    gateStopM: GATE_STOP_M,
    cruiseKmh: [62, 76],
  };
}

const MAKERS: Record<LineName, () => Line> = { road: roadLine, rail: railLine };

/** Reads the line's map file. */
export function loadLine(name: LineName): Line {
  return MAKERS[name]();
}

export async function putLine(rest: Rest, line: Line): Promise<void> {
  await rest.put(`/routes/${line.routeId}`, line.route);
  for (const [placeId, place] of Object.entries(line.places)) await rest.put(`/places/${placeId}`, place);
}
