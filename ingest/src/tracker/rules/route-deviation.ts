import type { Excursion } from '@sealwatch/geofence';
import { z } from 'zod';
import { defineRule, type Episode } from '../rule.ts';
import type { TripState } from '../state.ts';

export const deviationParams = z.object({
  accuracyCapM: z.number().min(0).max(2_000).default(150),
  pairLeastMs: z.number().min(1_000).max(60_000).default(4_000),
  pairMostMs: z.number().min(4_000).max(600_000).default(60_000),
  shallowM: z.number().min(0).max(1_000).default(40),
  shallowMs: z.number().min(0).max(60_000).default(20_000),
  deepM: z.number().min(0).max(5_000).default(120),
  unbelievableM: z.number().min(10_000).max(20_000_000).default(500_000),
  reentryShare: z.number().min(0.1).max(1).default(0.8),
  fastestKmh: z.number().min(50).max(500).default(180),
  noiseM: z.number().min(0).max(1_000).default(75),
});

interface Memory {
  /** Confirmation times of the excursions that late records proved. */
  lateMs: number[];
}

const LATE_KEPT = 12;

/**
 * The platform's first duty: a truck off its planned road is red until a person has looked at it. What is off, proven and
 * over is the geofence's to say (`judge`), and its state holds the excursions; here they become the alarm.
 */
export const routeDeviation = defineRule<typeof deviationParams, Memory>({
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  eaeuCode: '03',
  text: { zh: '偏离路线', en: 'Off the planned route' },
  params: deviationParams,
  judge: (was, moment) => {
    const confirmedMs = moment.verdict?.changes.includes('confirmed') ? moment.report.timeMs : undefined;
    if (confirmedMs === undefined || !moment.late) return was;
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
      ...(excursion.leftAtM === undefined ? {} : { leftAtM: Math.round(excursion.leftAtM) }),
      ...(excursion.crossedMs === undefined ? {} : { crossedMs: excursion.crossedMs }),
      farthest: excursion.farthest,
      outsideFixes: excursion.outsideFixes,
      // What happened between two fixes so far apart cannot be known.
      longestGapMs: excursion.longestGapMs,
    },
  };
}
