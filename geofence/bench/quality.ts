import {
  type Corridor,
  compileRoute,
  DEFAULT_ROUTE_PARAMS,
  type JudgedFix,
  judge,
  type RouteChange,
  startRoute,
} from '../src/index.ts';
import { seeded } from '../test/random.ts';
import { fixesOf, type Point, readAracaju, readLine, readTrace, routeOf } from '../test/traces.ts';
import { type Case, isStraight, makeCase } from './cases.ts';
import { soiled } from './dirt.ts';

/*
 * Labelled trips on real routes: recall of excursions of two fixes or more, false alarms, and the delay from the true
 * crossing of the corridor's edge to provisional and to confirmed. The dirty columns are the same trips with 5 % of positions
 * that are no fixes (dirt.ts). Seeded; `--trips N` sets the clean trips per cadence, `--detours N` the detours.
 */

const CADENCES_S = [5, 10, 30, 60];
const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? Number(process.argv[at + 1]) : otherwise;
};
const CLEAN_TRIPS = option('--trips', 1_000);
const DETOURS = option('--detours', 600);

interface Heard {
  provisional: number[];
  confirmed: number[];
}

function hear(corridor: Corridor, fixes: readonly JudgedFix[]): Heard {
  const heard: Heard = { provisional: [], confirmed: [] };
  let state = startRoute();
  for (const fix of fixes) {
    const step = judge(corridor, state, fix, DEFAULT_ROUTE_PARAMS);
    state = step.state;
    for (const change of step.verdict.changes as RouteChange[]) {
      if (change === 'provisional' || change === 'confirmed') heard[change].push(fix.timeMs);
    }
  }
  return heard;
}

function quantile(values: number[], share: number): string {
  if (values.length === 0) return '–';
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! / 1_000).toFixed(0);
}

const road = readLine('road-yiwu-beilun');
const rail = readLine('rail-beilun-guixi');
const routes: [string, Corridor][] = [
  ['road, 200 m', compileRoute(routeOf(road, { halfWidthM: 200 }))],
  [
    'road, towns 80 m',
    compileRoute(
      routeOf(road, {
        halfWidthM: 200,
        legs: [
          { fromM: 0, toM: 8_000, halfWidthM: 80 },
          { fromM: 215_000, toM: 229_200, halfWidthM: 80 },
        ],
      }),
    ),
  ],
  ['rail, 200 m', compileRoute(routeOf(rail, { halfWidthM: 200 }))],
];

/** Clean trips: every confirmed excursion is a false alarm. */
function clean(): Record<string, string | number>[] {
  return routes.flatMap(([name, corridor]) =>
    CADENCES_S.map((cadenceS) => {
      const count = Math.round((CLEAN_TRIPS / routes.length) * (name.startsWith('rail') ? 0.5 : 1.25));
      let [alarms, dirtyAlarms, glitches, fixes] = [0, 0, 0, 0];
      for (let seed = 0; seed < count; seed++) {
        const trip = makeCase(corridor, { cadenceS, seed: seed * 7 + cadenceS * 100_003 });
        const heard = hear(corridor, trip.fixes);
        fixes += trip.fixes.length;
        if (heard.confirmed.length > 0) alarms++;
        if (hear(corridor, soiled(trip.fixes, seed + 31)).confirmed.length > 0) dirtyAlarms++;
        glitches += heard.provisional.length;
      }
      return {
        route: name,
        'cadence s': cadenceS,
        trips: count,
        fixes,
        'false alarms per 1,000 trips': ((alarms * 1_000) / count).toFixed(1),
        'dirty: false alarms per 1,000': ((dirtyAlarms * 1_000) / count).toFixed(1),
        'provisional only, per 1,000': (((glitches - alarms) * 1_000) / count).toFixed(1),
      };
    }),
  );
}

function detours(): Record<string, string | number>[] {
  return CADENCES_S.map((cadenceS) => {
    const random = seeded(41 + cadenceS);
    const [toProvisional, toConfirmed, fixesToConfirmed]: [number[], number[], number[]] = [[], [], []];
    let [due, found, dirtyFound, single, early] = [0, 0, 0, 0, 0];
    for (let seed = 0; seed < DETOURS; seed++) {
      const [, corridor] = routes[seed % routes.length]!;
      const atM = 10_000 + random() * (corridor.lengthM - 60_000);
      const lastsS = 90 + random() * 1_200;
      const awayM = 330 + random() * 2_000;
      if (!isStraight(corridor, atM, lastsS * 20)) continue;
      const trip: Case = makeCase(corridor, { cadenceS, seed: seed + 9_000, detour: { atM, awayM, lastsS } });
      if (trip.crossedMs === undefined) continue;
      const heard = hear(corridor, trip.fixes);
      if (heard.confirmed.some((ms) => ms < trip.crossedMs!)) early++;
      if (trip.fixesOutside < 2) {
        single++;
        continue;
      }
      due++;
      const dirty = hear(corridor, soiled(trip.fixes, seed + 77)).confirmed;
      if (dirty.some((ms) => ms >= trip.crossedMs!)) dirtyFound++;
      const confirmedMs = heard.confirmed.find((ms) => ms >= trip.crossedMs!);
      const provisionalMs = heard.provisional.find((ms) => ms >= trip.crossedMs! - cadenceS * 1_000);
      if (confirmedMs === undefined) continue;
      found++;
      toConfirmed.push(confirmedMs - trip.crossedMs);
      const since = trip.fixes.filter(
        (f) => f.source === 'gnss' && !Number.isNaN(f.lon) && f.timeMs > trip.crossedMs! && f.timeMs <= confirmedMs,
      );
      fixesToConfirmed.push(since.length * 1_000);
      if (provisionalMs !== undefined) toProvisional.push(Math.max(0, provisionalMs - trip.crossedMs));
    }
    return {
      'cadence s': cadenceS,
      'excursions of ≥ 2 fixes': due,
      'recall %': ((100 * found) / due).toFixed(1),
      'dirty: recall %': ((100 * dirtyFound) / due).toFixed(1),
      'shorter, not counted': single,
      'confirmed before the crossing': early,
      'provisional p50 s': quantile(toProvisional, 0.5),
      'p95 s': quantile(toProvisional, 0.95),
      'confirmed p50 s': quantile(toConfirmed, 0.5),
      'p95 s ': quantile(toConfirmed, 0.95),
      'fixes to confirmed p50': quantile(fixesToConfirmed, 0.5),
      p95: quantile(fixesToConfirmed, 0.95),
    };
  });
}

const lineOf = (points: readonly Point[]) => points.map((p) => [p.lon, p.lat] as const);

/** Real traces: a drive on its own road is clean; the same drive moved aside for a while is not. */
function traces(): Record<string, string | number>[] {
  const drives: [string, Point[][]][] = [
    ['A1 Bremen', [readTrace('a1-bremen-1'), readTrace('a1-bremen-2')]],
    ['Munich', [readTrace('munich-1s'), readTrace('munich-15s')]],
    ['Aracaju', readAracaju().filter((t) => t.length >= 120)],
  ];
  return drives.map(([name, tracks]) => {
    let [cleanAlarms, due, found] = [0, 0, 0];
    for (const track of tracks) {
      let corridor: Corridor;
      try {
        corridor = compileRoute(routeOf(lineOf(track), { halfWidthM: 80 }));
      } catch {
        continue;
      }
      if (hear(corridor, fixesOf(track)).confirmed.length > 0) cleanAlarms++;
      const from = Math.floor(track.length / 3);
      const moved = track.map((p, i) => {
        const steps = Math.min(i - from, from * 2 - i, 20);
        return i <= from || i >= from * 2 ? p : { ...p, lat: p.lat + (steps * 40) / 111_195 };
      });
      due++;
      if (hear(corridor, fixesOf(moved)).confirmed.length > 0) found++;
    }
    return { traces: name, drives: due, 'false alarms': cleanAlarms, 'moved aside, found': found };
  });
}

console.log('Clean trips');
console.table(clean());
console.log(
  '\nDetours of 330 m to 2.3 km, 1.5 to 21 minutes; delays from the true crossing, dead zones of up to 4 min included',
);
console.table(detours());
console.log('\nReal traces at half-width 80 m');
console.table(traces());
