import * as turf from '@turf/turf';
import Flatbush from 'flatbush';
import {
  type Corridor,
  compileRoute,
  compileZones,
  crossZones,
  DEFAULT_ROUTE_PARAMS,
  judge,
  type LocateHint,
  locate,
  positionAt,
  startRoute,
  zonesAt,
} from '../src/index.ts';
import { seeded } from '../test/random.ts';
import { readLine, routeOf } from '../test/traces.ts';
import { correlatedNoise } from './noise.ts';

/*
 * Everything in one process; rates are per second of processor time, so that a busy machine does not count, and the best
 * of several rounds. The turf rows answer the same questions about the same fixes; disagreements are counted.
 */

type Place = [lon: number, lat: number];
const HALF_WIDTH_M = 200;

/** The best of `rounds`, calls per second. */
function rate(calls: number, rounds: number, work: () => void): number {
  let best = 0;
  for (let i = 0; i < rounds; i++) {
    const began = process.cpuUsage();
    work();
    const used = process.cpuUsage(began);
    best = Math.max(best, calls / ((used.user + used.system) / 1e6));
  }
  return best;
}

const said = (perSecond: number) =>
  perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} M/s` : `${Math.round(perSecond).toLocaleString('en')} /s`;

/** A drive with real-like noise, one fix every 5 s at 72 km/h, there and back until there are enough. */
function driveAlong(corridor: Corridor, count: number): Place[] {
  const noise = correlatedNoise(17);
  return Array.from({ length: count }, (_, i) => {
    const m = (i * 100) % (2 * corridor.lengthM);
    const at = positionAt(corridor, m > corridor.lengthM ? 2 * corridor.lengthM - m : m);
    const { eastM, northM } = noise.next();
    return [at.lon + eastM / (111_195 * Math.cos((at.lat * Math.PI) / 180)), at.lat + northM / 111_195];
  });
}

let sink = 0;

function speed(name: string, line: Place[]): Record<string, string>[] {
  const corridor = compileRoute(
    routeOf(line, {
      halfWidthM: HALF_WIDTH_M,
      allowedStops: [200, 700, 1_100].map((i) => ({ name: `stop ${i}`, center: line[i]!, radiusM: 300 })),
    }),
  );
  const fixes = driveAlong(corridor, 400_000);
  const few = fixes.filter((_, i) => i % 400 === 0);
  const feature = turf.lineString(line);
  const buffer = turf.buffer(feature, HALF_WIDTH_M, { units: 'meters' })!;
  const boxes = new Flatbush(line.length - 1);
  for (let i = 1; i < line.length; i++) {
    const [[a, b], [c, d]] = [line[i - 1]!, line[i]!];
    boxes.add(Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d));
  }
  boxes.finish();

  const hinted = rate(fixes.length, 7, () => {
    let hint: LocateHint | undefined;
    for (const [lon, lat] of fixes) {
      const found = locate(corridor, lon, lat, hint);
      sink += found.offsetM;
      hint = found;
    }
  });
  const free = rate(fixes.length, 5, () => {
    for (const [lon, lat] of fixes) sink += locate(corridor, lon, lat).offsetM;
  });
  const judged = rate(fixes.length, 7, () => {
    let state = startRoute();
    for (const [i, [lon, lat]] of fixes.entries()) {
      const fix = {
        lockId: 'JT70100001',
        boot: 1,
        seq: i,
        timeMs: i * 5_000,
        lon,
        lat,
        accuracyM: 5,
        source: 'gnss' as const,
      };
      state = judge(corridor, state, fix, DEFAULT_ROUTE_PARAMS).state;
    }
    sink += state.locks.length;
  });
  const nearBoxes = rate(few.length, 3, () => {
    for (const [lon, lat] of few) sink += boxes.neighbors(lon, lat, 1)[0]!;
  });
  const nearest = rate(few.length, 2, () => {
    for (const place of few)
      sink += turf.nearestPointOnLine(feature, place, { units: 'meters' }).properties.pointDistance;
  });
  const distance = rate(few.length, 2, () => {
    for (const place of few) sink += turf.pointToLineDistance(place, feature, { units: 'meters' });
  });
  const inBuffer = rate(few.length, 2, () => {
    for (const place of few) sink += turf.booleanPointInPolygon(place, buffer) ? 1 : 0;
  });

  const row = (what: string, perSecond: number, target: string, against: number) => ({
    route: name,
    what,
    rate: said(perSecond),
    target,
    'times turf nearestPointOnLine': `${(against / nearest).toFixed(against / nearest < 10 ? 1 : 0)}`,
  });
  return [
    row('locate with hint', hinted, '≥ 5 M/s', hinted),
    row('locate without', free, '≥ 1 M/s', free),
    row('judge, all route rules', judged, '≥ 1 M/s', judged),
    row('flatbush nearest box only', nearBoxes, '', nearBoxes),
    row('turf nearestPointOnLine', nearest, '', nearest),
    row('turf pointToLineDistance', distance, '', distance),
    row('turf booleanPointInPolygon on the buffer', inBuffer, '', inBuffer),
  ];
}

/** The same fixes, some of them pushed off the road, asked of turf and of locate with and without a hint. */
function disagreements(name: string, line: Place[]): Record<string, string | number> {
  const corridor = compileRoute(routeOf(line, { halfWidthM: HALF_WIDTH_M }));
  const feature = turf.lineString(line);
  const buffer = turf.buffer(feature, HALF_WIDTH_M, { units: 'meters', steps: 32 })!;
  const random = seeded(23);
  const fixes = driveAlong(corridor, 60_000).filter((_, i) => i % 30 === 0);
  let hint: LocateHint | undefined;
  let [wrongDistance, wrongSide, wrongBuffer, largestM] = [0, 0, 0, 0];
  for (const [i, [x, lat]] of fixes.entries()) {
    const push = i % 3 === 0 ? (random() - 0.5) * 10 ** -(1 + (i % 4)) : 0;
    const lon = x + push;
    hint = locate(corridor, lon, lat, hint);
    const free = Math.abs(locate(corridor, lon, lat).offsetM);
    const hinted = Math.abs((hint as { offsetM: number }).offsetM);
    const slow = turf.nearestPointOnLine(feature, [lon, lat], { units: 'meters' }).properties.pointDistance;
    for (const metres of [free, hinted]) {
      const apart = Math.abs(metres - slow);
      if (slow < 1_000) largestM = Math.max(largestM, apart);
      if (apart > Math.max(1, slow * 0.005)) wrongDistance++;
      if (metres > HALF_WIDTH_M !== slow > HALF_WIDTH_M && Math.abs(slow - HALF_WIDTH_M) > 0.1) wrongSide++;
    }
    // turf's buffer is a polygon drawn in another projection: its edge is only good to a few metres.
    if (Math.abs(free - HALF_WIDTH_M) > 4 && turf.booleanPointInPolygon([lon, lat], buffer) !== free < HALF_WIDTH_M)
      wrongBuffer++;
  }
  return {
    route: name,
    fixes: fixes.length,
    'distance beyond 1 m or 0.5 %': wrongDistance,
    'inside or outside by distance': wrongSide,
    'inside or outside by buffer': wrongBuffer,
    'largest difference within 1 km': `${largestM.toFixed(4)} m`,
  };
}

function placesCost(): Record<string, string | number>[] {
  const random = seeded(31);
  const asked: Place[] = Array.from({ length: 100_000 }, () => [110 + random() * 12, 28 + random() * 8]);
  return [10, 100, 1_000, 10_000].map((count) => {
    const zones = compileZones(
      Array.from({ length: count }, (_, i) => {
        const [x, y] = [110 + random() * 12, 28 + random() * 8];
        const ring = Array.from({ length: 25 }, (_, k) => {
          const angle = (k / 24) * 2 * Math.PI;
          return [x + 0.004 * Math.cos(angle), y + 0.004 * Math.sin(angle)] as Place;
        });
        return { id: `${i}`, polygon: { type: 'Polygon' as const, coordinates: [ring] } };
      }),
    );
    const held = rate(asked.length, 5, () => {
      for (const [lon, lat] of asked) sink += zonesAt(zones, lon, lat).length;
    });
    const crossed = rate(asked.length, 3, () => {
      for (const [lon, lat] of asked) sink += crossZones(zones, [lon, lat], [lon + 0.005, lat + 0.003]).length;
    });
    return { places: count, 'zonesAt, ns': Math.round(1e9 / held), 'crossZones 580 m, ns': Math.round(1e9 / crossed) };
  });
}

function resampled(line: Place[], count: number): Place[] {
  const corridor = compileRoute(routeOf(line));
  return Array.from({ length: count }, (_, i) => {
    const at = positionAt(corridor, (corridor.lengthM * i) / (count - 1));
    return [at.lon, at.lat];
  });
}

function compileCost(line: Place[]): string {
  const route = routeOf(resampled(line, 10_000), { halfWidthM: HALF_WIDTH_M });
  return `${(1000 / rate(1, 9, () => (sink += compileRoute(route).lengthM))).toFixed(1)} ms (target < 50 ms)`;
}

function memory(line: Place[]): string {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const corridors = Array.from({ length: 50 }, () => compileRoute(routeOf(line, { halfWidthM: HALF_WIDTH_M })));
  const trips = Array.from({ length: 100_000 }, (_, trip) => {
    const corridor = corridors[trip % 50]!;
    let state = startRoute();
    for (let i = 0; i < 4; i++) {
      const at = positionAt(corridor, trip + i * 600);
      const fix = {
        lockId: `LOCK${trip}`,
        boot: 1,
        seq: i,
        timeMs: i * 30_000,
        lon: at.lon,
        lat: at.lat,
        source: 'gnss' as const,
      };
      state = judge(corridor, state, fix, DEFAULT_ROUTE_PARAMS).state;
    }
    return { corridor, state };
  });
  globalThis.gc?.();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  return `${(bytes / 1e6).toFixed(0)} MB for ${trips.length.toLocaleString('en')} trips on ${corridors.length} routes (target < 200 MB)`;
}

const road = readLine('road-yiwu-beilun');
const routes: [string, Place[]][] = [
  ['real, 1,370 points', road],
  ['2,000 points', resampled(road, 2_000)],
];
console.log(`node ${process.version}, one core\n`);
console.table(routes.flatMap(([name, line]) => speed(name, line)));
console.log('\nDisagreements with turf over the same fixes');
console.table(routes.map(([name, line]) => disagreements(name, line)));
console.log('\nCost of places');
console.table(placesCost());
console.log(`\ncompile 10,000 points: ${compileCost(road)}`);
console.log(`memory: ${memory(road)}`);
if (Number.isNaN(sink)) console.log('a result was not a number');
