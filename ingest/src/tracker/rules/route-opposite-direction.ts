import { DIRECTION_PARAMS, type RouteState } from '@sealwatch/geofence';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

/** On the road but driving back along it; a missed exit is corrected within two kilometres. */
export const routeOppositeDirection = defineRule<typeof DIRECTION_PARAMS, never>({
  rule: 'route.opposite-direction',
  kind: 'level',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '逆向行驶', en: 'Driving back' },
  params: DIRECTION_PARAMS,
  geofence: true,
  judge: (was, context) => {
    const { verdict } = context;
    // A fix off the route, or one that is not believed, proves no direction.
    if (!verdict?.located || verdict.where === 'outside' || verdict.problems.length > 0) return was;
    const sinceMs = verdict.oppositeSinceMs;
    if (sinceMs === undefined) return stepLevel(was, context, false);
    const progressM = Math.round(verdict.located.progressM);
    return stepLevel(was, context, true, {
      startedMs: was.open?.startedMs ?? sinceMs,
      evidence: { turnedAtM: was.open?.evidence?.turnedAtM ?? peakM(context.route, context.report.lockId), progressM },
    });
  },
});

function peakM(route: RouteState | undefined, lockId: string): number {
  return Math.round(route?.locks.find((lock) => lock.lockId === lockId)?.opposite?.peakM ?? 0);
}
