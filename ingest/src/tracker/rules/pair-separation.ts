import { distanceM } from '@sealwatch/geofence';
import { z } from 'zod';
import type { Episode } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { defineRule, episodeAt } from '../rule.ts';

const params = z.object({
  apartM: z.number().positive().max(100_000).default(500),
  /** Fixes of two locks are compared where they are not farther apart in time. */
  withinS: z.number().positive().max(600).default(60),
  /** Two sightings make a proof where they are not farther apart. */
  pairMin: z.number().positive().max(1_440).default(10),
});
type Params = z.output<typeof params>;

/** `moves`: its receiver says that it moves. */
type Spot = [timeMs: number, lon: number, lat: number, accuracyM: number, moves?: boolean];
/** The time of the one fix and of the other, the locks in order; and the place of each whose receiver says that it moves. */
type Sighting = [oneMs: number, otherMs: number, one?: string, other?: string];

interface Memory {
  /** The newest fixes of each lock. */
  spots: Record<string, Spot[]>;
  /** Newest sightings apart. */
  apart: Sighting[];
}

const SPOTS_KEPT = 12;
const APART_KEPT = 4;
/** Parked receivers claim less while their place stays the same. */
const MOVES_KMH = 5;
/** Two fixes nearer in time are one observation. */
const LEAST_MS = 4_000;
/** The difference in time is allowed for at a speed no truck exceeds, m/s (150 km/h). */
const FASTEST_MPS = 42;

/**
 * Two boxes on one truck stay together. Proven by two sightings with a fix of its own for each lock, far enough apart that
 * the truck's own movement between the two fixes cannot explain it.
 */
export const pairSeparation = defineRule<typeof params, Memory>({
  rule: 'pair.separation',
  kind: 'latched',
  severity: 'critical',
  scope: 'trip',
  eaeuCode: '07',
  text: { zh: '双锁分离', en: 'Locks apart' },
  params,
  judge: (was, context, values) => {
    const { fix, report, plan } = context;
    if (plan.locks.length < 2 || !fix || !context.sealed) return was;
    const spot: Spot = [fix.timeMs, fix.lon, fix.lat, Math.min(fix.accuracyM ?? 0, 500)];
    if ((fix.speedKmh ?? 0) > MOVES_KMH) spot.push(true);
    const spots = { ...was.memory?.spots };
    const others = Object.entries(spots).flatMap(([lockId, known]) => (lockId === report.lockId ? [] : known));
    spots[report.lockId] = [...(spots[report.lockId] ?? []), spot].slice(-SPOTS_KEPT);
    const near = others.filter(([timeMs]) => fix.timeMs - timeMs <= values.withinS * 1_000);
    const far = near.filter((other) => excessM(spot, other) > values.apartM).at(-1);
    const memory: Memory = { spots, apart: was.memory?.apart ?? [] };
    // Close at any of these times means together again, whatever other records show.
    const close = near.some((other) => distanceM(spot[1], spot[2], other[1], other[2]) < values.apartM);
    const over = close && was.open?.confirmedMs !== undefined ? [{ ...was.open, endedMs: report.timeMs }] : [];
    const open = close ? undefined : was.open;
    if (!far) return { memory, open, ended: over };
    const sighting = inOrder(plan.locks, report.lockId, spot, far);
    const proven = memory.apart.some((earlier) => makesPair(earlier, sighting, values));
    const apartM = Math.round(distanceM(spot[1], spot[2], far[1], far[2]));
    const kept = { spots, apart: [...memory.apart, sighting].slice(-APART_KEPT) };
    return { memory: kept, open: sighted(open, context, apartM, proven), ended: over };
  },
});

/** How far apart two spots surely are, metres. */
function excessM(a: Spot, b: Spot): number {
  const apartM = distanceM(a[1], a[2], b[1], b[2]);
  return apartM - a[3] - b[3] - (Math.abs(a[0] - b[0]) / 1_000) * FASTEST_MPS;
}

function inOrder(locks: string[], lockId: string, own: Spot, other: Spot): Sighting {
  const [one, two] = locks[0] === lockId ? [own, other] : [other, own];
  return [one[0], two[0], placeIfMoving(one), placeIfMoving(two)];
}

function placeIfMoving([, lon, lat, , moves]: Spot): string {
  return moves ? `${lon.toFixed(7)} ${lat.toFixed(7)}` : '';
}

/** A lock that repeats its place to the last digit while it says that it moves has lost its fix: it was seen once. */
function makesPair(a: Sighting, b: Sighting, { pairMin }: Params): boolean {
  const apart = [Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
  if ((a[2] && a[2] === b[2]) || (a[3] && a[3] === b[3])) return false;
  return apart.every((ms) => ms >= LEAST_MS && ms <= pairMin * 60_000);
}

function sighted(open: Episode | undefined, context: EvaluationContext, apartM: number, proven: boolean): Episode {
  const { confirmedMs, provenMs, late, ...begun } = episodeAt(context, { locks: context.plan.locks });
  const episode: Episode = { ...begun, ...open, maxDistanceM: Math.max(apartM, open?.maxDistanceM ?? 0) };
  if (!proven) return episode;
  const first = episode.confirmedMs === undefined ? { confirmedMs, ...(late ? { late } : {}) } : {};
  return { ...episode, ...first, provenMs } as Episode;
}
