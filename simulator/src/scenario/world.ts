import { wayOff } from '../demo/drives.ts';
import type { Detour } from '../detour.ts';
import type { Drive, Motion } from '../drive.ts';
import { motionAt, planDrive, timeAtM } from '../drive.ts';
import type { Path } from '../path.ts';
import { pointAt } from '../path.ts';
import { randomStream } from '../random.ts';
import type { Line } from './line.ts';
import type { Act, Plain } from './scenario.ts';

/** A time range, epoch ms, end excluded. */
export interface Span {
  fromMs: number;
  toMs: number;
}

export const within = (spans: readonly Span[], timeMs: number): boolean =>
  spans.some((span) => timeMs >= span.fromMs && timeMs < span.toMs);

type Spell = 'dead-zone' | 'no-sky' | 'cell-only' | 'jam' | 'clock' | 'multipath' | 'jumps';

/** The true drive of one truck and its surroundings over time. */
export interface TripWorld {
  drive: Drive;
  /** the planned line */
  road: Path;
  /** how far behind the head of the train this wagon runs, m */
  behindM: number;
  spells: Record<Spell, Span[]>;
  /** by how much fixes are wrong in those spells, m */
  wrongM: { multipath: number; jumps: number; jumpOneIn: number };
  /** single events, ordered by time */
  moments: { atMs: number; act: Act }[];
  /** truly outside the planned corridor */
  offRoad: Span[];
}

/** Metres of the planned road → metres of the driven path; on a detour, the same share of the detour. */
function pathM(drive: Drive, roadM: number): number {
  let shift = -drive.order.fromM;
  for (const { fromM, toM, detour } of drive.detours) {
    if (roadM <= detour.leaveM) break;
    const share = (roadM - detour.leaveM) / (detour.rejoinM - detour.leaveM);
    if (roadM < detour.rejoinM) return fromM + share * (toM - fromM);
    shift = toM - detour.rejoinM;
  }
  return roadM + shift;
}

const timeAtRoadM = (drive: Drive, roadM: number): number => timeAtM(drive, pathM(drive, roadM));

function detoursOf(line: Line, acts: readonly Act[], shiftM: number): Detour[] {
  const road = line.path;
  return acts.flatMap((act): Detour[] => {
    if (act.do === 'detour') return [openDetour(road, act, act.atKm * 1_000 + shiftM)];
    if (act.do === 'service-stop') {
      const area = line.areas[act.area];
      if (!area) throw new Error(`service-stop: the ${line.name} has no area ${act.area}`);
      const bounds = { leaveM: area.atM - 350, rejoinM: area.atM + 350 };
      return [{ ...bounds, side: 'right', awayM: area.awayM, limitKmh: 40, stopS: act.minutes * 60 }];
    }
    if (act.do === 'halt') {
      const atM = act.atKm * 1_000 + shiftM;
      const bounds = { leaveM: atM - 200, rejoinM: atM + 200 };
      return [{ ...bounds, side: 'right', awayM: 4, limitKmh: 60, stopS: act.minutes * 60 }];
    }
    return [];
  });
}

const COUNTRY_ROAD_KMH = 46;

/** The first stretch from `fromM` on that keeps the detour away from bends of the road. */
function openDetour(road: Path, act: Extract<Act, { do: 'detour' }>, fromM: number): Detour {
  for (let leaveM = fromM; leaveM < road.lengthM - act.lengthKm * 1_000 - 8_000; leaveM += 1_000) {
    const shape = { awayM: act.awayM, lengthM: act.lengthKm * 1_000, limitKmh: COUNTRY_ROAD_KMH };
    const detour = wayOff(road, leaveM, shape);
    if (detour) return detour;
  }
  throw new Error(
    `detour at ${act.atKm} km, ${act.lengthKm} km long: no stretch of the road is straight enough for it`,
  );
}

/** One wagon of a box train with its coupling, m. */
const WAGON_M = 14;
const TUNNEL_FROM_M = 1_200;

/** Length of a stretch without a vertex that counts as a tunnel, m: only tunnels and viaducts are that straight. */
function tunnelsOf(path: Path): { fromM: number; toM: number }[] {
  return path.atM.flatMap((toM, i) => {
    const fromM = path.atM[i - 1] ?? toM;
    return toM - fromM >= TUNNEL_FROM_M ? [{ fromM, toM }] : [];
  });
}

/** Position of a wagon in its train; the first one is 0. */
export interface Wagon {
  index: number;
  of: number;
  /** the same for all wagons, so that the whole train moves alike */
  trainSeed: number;
}

export interface WorldOptions {
  line: Line;
  plain: Plain;
  seed: number;
  /** when the truck reaches the gate, epoch ms */
  endMs: number;
  wagon?: Wagon;
}

/** Derives the drive, the surroundings and the events of one trip from its scenario and seed. */
export function makeWorld({ line, plain, endMs, wagon, ...own }: WorldOptions): TripWorld {
  const road = line.path;
  const seed = wagon?.trainSeed ?? own.seed;
  const random = randomStream(seed, 'world');
  const shiftM = random.between(-1, 1) * plain.spreadKm * 1_000;
  const order = {
    seed,
    startMs: endMs,
    fromM: wagon ? wagon.of * WAGON_M : 0,
    toM: road.lengthM - line.gateStopM,
    startKmh: 0,
    cruiseKmh: random.between(...line.cruiseKmh),
    townM: line.townM,
    detours: detoursOf(line, plain.acts, shiftM),
  };
  const unplaced = planDrive(road, order);
  const drive = planDrive(road, { ...order, startMs: Math.round(2 * endMs - unplaced.endMs) });
  const offRoad = drive.detours
    .filter(({ detour }) => detour.awayM > 300)
    .map(({ fromM, toM }) => ({ fromMs: timeAtM(drive, fromM), toMs: timeAtM(drive, toM) }));
  const behindM = wagon ? wagon.index * WAGON_M : 0;
  return { drive, road, behindM, offRoad, ...surroundings(line, plain, drive, shiftM) };
}

function surroundings(
  line: Line,
  plain: Plain,
  drive: Drive,
  shiftM: number,
): Pick<TripWorld, 'spells' | 'wrongM' | 'moments'> {
  const spells: TripWorld['spells'] = {
    'dead-zone': [],
    'no-sky': [],
    'cell-only': [],
    jam: [],
    clock: [],
    multipath: [],
    jumps: [],
  };
  const wrongM = { multipath: 0, jumps: 0, jumpOneIn: 1 };
  const moments: TripWorld['moments'] = [];
  const at = (km: number) => timeAtRoadM(drive, km * 1_000 + shiftM);
  for (const act of plain.acts) {
    if ('fromKm' in act) spells[act.do].push({ fromMs: at(act.fromKm), toMs: at(act.toKm) });
    else if ('atKm' in act && act.do !== 'detour' && act.do !== 'halt') moments.push({ atMs: at(act.atKm), act });
    if (act.do === 'multipath') wrongM.multipath = act.awayM;
    if (act.do === 'jumps') Object.assign(wrongM, { jumps: act.awayM, jumpOneIn: act.oneIn });
  }
  if (plain.tunnels) {
    for (const { fromM, toM } of tunnelsOf(line.path)) {
      spells['no-sky'].push({ fromMs: timeAtRoadM(drive, fromM), toMs: timeAtRoadM(drive, toM) });
    }
  }
  moments.sort((a, b) => a.atMs - b.atMs);
  return { spells, wrongM, moments };
}

/** The true position; a wagon follows the head of its train on the same track. */
export function motionIn(world: TripWorld, timeMs: number): Motion {
  const motion = motionAt(world.drive, timeMs);
  if (world.behindM === 0) return motion;
  const atM = motion.atM - world.behindM;
  const behindStart = () => pointAt(world.road, world.drive.order.fromM + atM);
  return { ...motion, ...(atM < 0 ? behindStart() : pointAt(world.drive.path, atM)) };
}

/** Time of the first event of the drive, or of the arrival if there is none, epoch ms. */
export function firstEventMs({ drive, offRoad, moments, spells }: TripWorld): number {
  const begun = [...offRoad, ...spells.jam, ...spells['dead-zone']].map(({ fromMs }) => fromMs);
  return Math.min(drive.endMs, ...begun, ...moments.map(({ atMs }) => atMs));
}
