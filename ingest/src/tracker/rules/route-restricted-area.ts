import { crossZones } from '@sealwatch/geofence';
import { z } from 'zod';
import type { Moment } from '../moment.ts';
import type { KnownPlace } from '../plan.ts';
import { defineRule, episodeAt } from '../rule.ts';

const params = z.object({ straightMostMin: z.number().positive().max(60).default(2) });

/** A sealed truck has no business there, even between two fixes; farther apart in time the straight line says nothing. */
export const routeRestrictedArea = defineRule<typeof params, never>({
  rule: 'route.restricted-area',
  kind: 'edge',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '进入禁区', en: 'In a restricted area' },
  params,
  judge: (was, moment, { straightMostMin }) => {
    if (!moment.fix || !moment.sealed || (moment.verdict?.problems.length ?? 0) > 0) return was;
    const inside = moment.places.find((place) => place.kind === 'restricted');
    if (was.open) {
      if (inside?.placeId === was.open.evidence?.placeId) return was;
      const ended = [{ ...was.open, endedMs: moment.report.timeMs }];
      return inside ? { open: episodeAt(moment, named(inside)), ended } : { ended };
    }
    if (inside) return { open: episodeAt(moment, named(inside)) };
    const crossed = crossedOn(moment, straightMostMin * 60_000);
    return crossed ? { ended: [{ ...episodeAt(moment, named(crossed)), endedMs: moment.report.timeMs }] } : was;
  },
});

function crossedOn({ fix, last, plan }: Moment, mostMs: number): KnownPlace | undefined {
  const from = last?.fix;
  if (!fix || !from || fix.timeMs - from.timeMs > mostMs) return undefined;
  return crossZones(plan.places.zones, [from.lon, from.lat], [fix.lon, fix.lat])
    .flatMap(({ id, kind }) => (kind === 'cross' ? (plan.places.byId.get(id) ?? []) : []))
    .find((place) => place.kind === 'restricted');
}

function named({ placeId, name }: KnownPlace): Record<string, unknown> {
  return { placeId, name };
}
