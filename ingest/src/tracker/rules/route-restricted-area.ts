import { crossZones } from '@sealwatch/geofence';
import { z } from 'zod';
import type { EvaluationContext } from '../evaluation-context.ts';
import type { KnownPlace } from '../plan.ts';
import { defineRule, episodeAt } from '../rule.ts';

const params = z.object({ straightMostMin: z.number().positive().max(60).default(2) });

/** A sealed truck may not enter, even between two fixes; if they are far apart in time, the straight line proves nothing. */
export const routeRestrictedArea = defineRule<typeof params, never>({
  rule: 'route.restricted-area',
  kind: 'edge',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '进入禁区', en: 'In a restricted area' },
  params,
  judge: (was, context, { straightMostMin }) => {
    if (!context.fix || !context.sealed || (context.verdict?.problems.length ?? 0) > 0) return was;
    const inside = context.places.find((place) => place.kind === 'restricted');
    if (was.open) {
      if (inside?.placeId === was.open.evidence?.placeId) return was;
      const ended = [{ ...was.open, endedMs: context.report.timeMs }];
      return inside ? { open: episodeAt(context, named(inside)), ended } : { ended };
    }
    if (inside) return { open: episodeAt(context, named(inside)) };
    const crossed = crossedOn(context, straightMostMin * 60_000);
    return crossed ? { ended: [{ ...episodeAt(context, named(crossed)), endedMs: context.report.timeMs }] } : was;
  },
});

function crossedOn({ fix, last, plan }: EvaluationContext, mostMs: number): KnownPlace | undefined {
  const from = last?.fix;
  if (!fix || !from || fix.timeMs - from.timeMs > mostMs) return undefined;
  return crossZones(plan.places.zones, [from.lon, from.lat], [fix.lon, fix.lat])
    .flatMap(({ id, kind }) => (kind === 'cross' ? (plan.places.byId.get(id) ?? []) : []))
    .find((place) => place.kind === 'restricted');
}

function named({ placeId, name }: KnownPlace): Record<string, unknown> {
  return { placeId, name };
}
