import type { RouteState } from '@sealwatch/geofence';
import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({
  oppositeM: z.number().min(100).max(1_000_000).default(2_000),
  forwardAgainM: z.number().min(0).max(100_000).default(500),
});

/** On the road but driving back along it: a missed exit is made good within two kilometres. */
export const routeOppositeDirection = defineRule<typeof params, never>({
  rule: 'route.opposite-direction',
  kind: 'level',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '逆向行驶', en: 'Driving back along the route' },
  params,
  judge: (was, moment) => {
    const { verdict } = moment;
    // Off the route, or by a fix that is not believed, nothing is said of the direction.
    if (!verdict?.located || verdict.where === 'outside' || verdict.problems.length > 0) return was;
    const sinceMs = verdict.oppositeSinceMs;
    if (sinceMs === undefined) return stepLevel(was, moment, false);
    const progressM = Math.round(verdict.located.progressM);
    return stepLevel(was, moment, true, {
      startedMs: was.open?.startedMs ?? sinceMs,
      evidence: { turnedAtM: was.open?.evidence?.turnedAtM ?? peakM(moment.route, moment.report.lockId), progressM },
    });
  },
});

function peakM(route: RouteState | undefined, lockId: string): number {
  return Math.round(route?.locks.find((lock) => lock.lockId === lockId)?.opposite?.peakM ?? 0);
}
