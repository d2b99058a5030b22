import { DEVIATION_PARAMS, type Excursion } from '@sealwatch/geofence';
import type { Episode } from '../episode.ts';
import { defineRule } from '../rule.ts';
import type { TripState } from '../state.ts';

interface Memory {
  /** Confirmation times of the excursions that late records proved. */
  lateMs: number[];
}

const LATE_KEPT = 12;

/**
 * A truck off its planned road is red until a person has looked at it. The geofence (`judge`) decides what is off the route,
 * proven and over, and its state holds the excursions; here they become the alarm.
 */
export const routeDeviation = defineRule<typeof DEVIATION_PARAMS, Memory>({
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  shows: 'deviation',
  eaeuCode: '03',
  text: { zh: '偏离路线', en: 'Off the route' },
  params: DEVIATION_PARAMS,
  // It sets how long fixes are remembered: if it changed on the way, the pairs would depend on the fixes in between.
  routeWide: ['pairMostMs'],
  geofence: true,
  // The lock may have been silenced as the truck left the route.
  confirmedAfterMs: 60_000,
  judge: (was, context) => {
    const confirmedMs = context.verdict?.changes.includes('confirmed') ? context.report.timeMs : undefined;
    if (confirmedMs === undefined || !context.late) return was;
    return { memory: { lateMs: [...(was.memory?.lateMs ?? []), confirmedMs].slice(-LATE_KEPT) } };
  },
  episodesIn: (state) =>
    state.route.locks.flatMap((lock) =>
      lock.excursions.map((excursion) => episodeOf(excursion, lateIn(state, lock.lockId))),
    ),
});

function lateIn(state: TripState, lockId: string): number[] {
  const memory = state.rules['route.deviation']?.by[lockId]?.memory as Memory | undefined;
  return memory?.lateMs ?? [];
}

function episodeOf(excursion: Excursion, lateMs: number[]): Episode {
  const { confirmedMs, returnedMs, lastInsideMs } = excursion;
  return {
    lockId: excursion.lockId,
    startedMs: excursion.firstOutsideMs,
    ...(confirmedMs === undefined ? {} : { confirmedMs, provenMs: excursion.lastOutsideMs }),
    ...(confirmedMs !== undefined && lateMs.includes(confirmedMs) ? { late: true } : {}),
    ...(returnedMs === undefined ? {} : { endedMs: returnedMs }),
    ...(lastInsideMs === undefined ? {} : { lastInsideMs }),
    maxDistanceM: Math.round(excursion.maxDistanceM * 10) / 10,
    position: excursion.firstOutside,
    evidence: {
      // No outside fix of it can be proof, so the clock does not confirm it either.
      ...(confirmedMs === undefined && excursion.doubt !== undefined ? { doubt: excursion.doubt } : {}),
      ...(excursion.leftAtM === undefined ? {} : { leftAtM: Math.round(excursion.leftAtM) }),
      ...(excursion.crossedMs === undefined ? {} : { crossedMs: excursion.crossedMs }),
      farthest: excursion.farthest,
      outsideFixes: excursion.outsideFixes,
      // What happened between two fixes this far apart is unknown.
      longestGapMs: excursion.longestGapMs,
    },
  };
}
