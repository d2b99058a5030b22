import { zonesAt } from '@sealwatch/geofence';
import { z } from 'zod';
import { isNextOf } from '../../record/report.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
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
 * in between) whose every fix lies in that place, up to a fix that is no repeat of the one before.
 */
export const routeWrongDestination = defineRule<typeof params, Memory>({
  rule: 'route.wrong-destination',
  kind: 'latched',
  severity: 'critical',
  text: { zh: '目的地不符', en: 'Wrong destination' },
  params,
  judge: (was, context, { afterMin }) => {
    const { last, report } = context;
    const unbroken = last !== undefined && isNextOf(last, report);
    const kept = unbroken ? was.memory : undefined;
    if (!context.fix) return stepLatch(was, context, undefined, undefined, kept);
    const seen = context.underway && context.places.length > 0;
    const place = seen ? context.places.find((known) => isElsewhere(known, context)) : undefined;
    if (!place) return stepLatch(was, context, false);
    const memory = kept?.placeId === place.placeId ? kept : { placeId: place.placeId, sinceMs: report.timeMs };
    const parked = report.timeMs - memory.sinceMs > afterMin * 60_000;
    const evidence = () => ({ placeId: place.placeId, name: place.name, sinceMs: memory.sinceMs });
    return stepLatch(was, context, parked && !context.repeated ? true : undefined, evidence, memory);
  },
});

/** A port that holds the destination is not another place, though the berth itself is smaller. */
function isElsewhere(place: KnownPlace, { plan, allowedStops }: EvaluationContext): boolean {
  if (!DESTINATIONS.has(place.kind) || allowedStops.length > 0) return false;
  return ![0, plan.corridor.pointCount - 1].some((end) =>
    zonesAt(plan.places.zones, plan.corridor.lon[end] ?? 0, plan.corridor.lat[end] ?? 0).includes(place.placeId),
  );
}
