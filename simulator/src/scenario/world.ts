import { wayOff } from '../demo/cast.ts';
import { END_LEG_M, GATE_STOP_M, SERVICE_AREAS, SERVICE_AWAY_M } from '../demo/road.ts';
import type { Detour } from '../detour.ts';
import type { Drive } from '../drive.ts';
import { motionAt, planDrive, timeAtM } from '../drive.ts';
import type { Path } from '../path.ts';
import { randomStream } from '../random.ts';
import type { Act, Plain } from './scenario.ts';

/** A stretch of time, epoch ms, end excluded. */
export interface Span {
  fromMs: number;
  toMs: number;
}

export const within = (spans: readonly Span[], timeMs: number): boolean =>
  spans.some((span) => timeMs >= span.fromMs && timeMs < span.toMs);

type Spell = 'dead-zone' | 'no-sky' | 'cell-only' | 'jam' | 'clock';

/** One truck's way through the world: where it is when, and what surrounds it. */
export interface TripWorld {
  drive: Drive;
  spells: Record<Spell, Span[]>;
  /** what happens once, by time */
  moments: { atMs: number; act: Act }[];
  /** truly outside the planned corridor */
  offRoad: Span[];
}

/** Metres of the planned road → metres of the path driven; where the road was left, the place of leaving. */
function pathM(drive: Drive, roadM: number): number {
  let shift = -drive.order.fromM;
  for (const { fromM, toM, detour } of drive.detours) {
    if (roadM <= detour.leaveM) break;
    if (roadM < detour.rejoinM) return fromM;
    shift = toM - detour.rejoinM;
  }
  return roadM + shift;
}

const timeAtRoadM = (drive: Drive, roadM: number): number => timeAtM(drive, pathM(drive, roadM));

function detoursOf(road: Path, acts: readonly Act[], shiftM: number): Detour[] {
  return acts.flatMap((act): Detour[] => {
    if (act.do === 'detour') return [openDetour(road, act, act.atKm * 1_000 + shiftM)];
    if (act.do === 'service-stop') {
      const { atM } = SERVICE_AREAS[act.area === 'A' ? 0 : 1];
      const bounds = { leaveM: atM - 350, rejoinM: atM + 350 };
      return [{ ...bounds, side: 'right', awayM: SERVICE_AWAY_M, limitKmh: 40, stopS: act.minutes * 60 }];
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

/** The first stretch from `fromM` on where the detour stays clear of the bending road. */
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

/**
 * Casts one trip of a scenario.
 * @param endMs when the truck reaches the gate
 */
export function castWorld(road: Path, plain: Plain, seed: number, endMs: number): TripWorld {
  const random = randomStream(seed, 'world');
  const shiftM = random.between(-1, 1) * plain.spreadKm * 1_000;
  const order = {
    seed,
    startMs: endMs,
    fromM: 0,
    toM: road.lengthM - GATE_STOP_M,
    startKmh: 0,
    cruiseKmh: random.between(74, 90),
    townM: END_LEG_M,
    detours: detoursOf(road, plain.acts, shiftM),
  };
  const unplaced = planDrive(road, order);
  const drive = planDrive(road, { ...order, startMs: Math.round(2 * endMs - unplaced.endMs) });
  const spells: TripWorld['spells'] = { 'dead-zone': [], 'no-sky': [], 'cell-only': [], jam: [], clock: [] };
  const moments: TripWorld['moments'] = [];
  const at = (km: number) => timeAtRoadM(drive, km * 1_000 + shiftM);
  for (const act of plain.acts) {
    if ('fromKm' in act) spells[act.do].push({ fromMs: at(act.fromKm), toMs: at(act.toKm) });
    else if ('atKm' in act && act.do !== 'detour' && act.do !== 'halt') moments.push({ atMs: at(act.atKm), act });
  }
  moments.sort((a, b) => a.atMs - b.atMs);
  const offRoad = drive.detours
    .filter(({ detour }) => detour.awayM > 300)
    .map(({ fromM, toM }) => ({ fromMs: timeAtM(drive, fromM), toMs: timeAtM(drive, toM) }));
  return { drive, spells, moments, offRoad };
}

export const motionIn = (world: TripWorld, timeMs: number) => motionAt(world.drive, timeMs);
