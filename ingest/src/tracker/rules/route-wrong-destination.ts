import { zonesAt } from '@sealwatch/geofence';
import { z } from 'zod';
import { isNextOf } from '../../record/report.ts';
import type { Moment } from '../moment.ts';
import type { KnownPlace } from '../plan.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

const params = z.object({ afterMin: z.number().positive().max(1_440).default(15) });

interface Memory {
  placeId: string;
  sinceMs: number;
}

const DESTINATIONS = new Set(['office', 'yard', 'yard-cell', 'port']);

/**
 * A quarter of an hour in another known yard is an arrival there. Proven by an unbroken run of records (none can turn up
 * in between) whose every fix lies in that place.
 */
export const routeWrongDestination = defineRule<typeof params, Memory>({
  rule: 'route.wrong-destination',
  kind: 'latched',
  severity: 'critical',
  text: { zh: '到达错误目的地', en: 'At the wrong destination' },
  params,
  judge: (was, moment, { afterMin }) => {
    const { last, report } = moment;
    const unbroken = last !== undefined && isNextOf(last, report);
    const kept = unbroken ? was.memory : undefined;
    if (!moment.fix) return stepLatch(was, moment, undefined, undefined, kept);
    const seen = moment.underway && moment.places.length > 0;
    const place = seen ? moment.places.find((known) => isElsewhere(known, moment)) : undefined;
    if (!place) return stepLatch(was, moment, false);
    const memory = kept?.placeId === place.placeId ? kept : { placeId: place.placeId, sinceMs: report.timeMs };
    const parked = report.timeMs - memory.sinceMs > afterMin * 60_000;
    const evidence = () => ({ placeId: place.placeId, name: place.name, sinceMs: memory.sinceMs });
    return stepLatch(was, moment, parked ? true : undefined, evidence, memory);
  },
});

/** A port that holds the destination is not another place, though the berth itself is smaller. */
function isElsewhere(place: KnownPlace, { plan, allowedStops }: Moment): boolean {
  if (!DESTINATIONS.has(place.kind) || allowedStops.length > 0) return false;
  return ![0, plan.corridor.pointCount - 1].some((end) =>
    zonesAt(plan.places.zones, plan.corridor.lon[end] ?? 0, plan.corridor.lat[end] ?? 0).includes(place.placeId),
  );
}
