import { zonesAt } from '@sealwatch/geofence';
import { z } from 'zod';
import type { RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { isNumbered, type KnownPlace } from '../plan.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

const params = z.object({
  afterMin: z.number().positive().max(1_440).default(15),
  /** Fixes of an unnumbered lock that are farther apart leave room for an absence. */
  sparseS: z.number().positive().max(3_600).default(120),
});

interface Stay {
  placeId: string;
  sinceMs: number;
  /** Time of its newest fix; of an unnumbered lock alone. */
  untilMs?: number;
}

interface Memory {
  stays: readonly Stay[];
}

/** As checkpoints of version 0.1 hold it. */
type FormerMemory = Partial<Memory & Stay>;

const DESTINATIONS = new Set(['office', 'yard', 'yard-cell', 'port']);

/**
 * A quarter of an hour in another known yard is an arrival there. Proven by an unbroken run of records (none can turn up
 * in between) whose every fix lies in that place, up to a fix that is no repeat of the one before. Of an unnumbered lock by
 * fixes in that place that follow each other closely: whatever turns up in between, these were there.
 */
export const routeWrongDestination = defineRule<typeof params, Memory>({
  rule: 'route.wrong-destination',
  kind: 'latched',
  severity: 'critical',
  text: { zh: '目的地不符', en: 'Wrong destination' },
  params,
  judge: (was, context, { afterMin, sparseS }) => {
    const { report, plan, fix } = context;
    const numbered = isNumbered(plan, report.lockId);
    const kept = keptStays(was, context, numbered, sparseS * 1_000);
    const keeping = kept.length === 0 ? undefined : kept === was.memory?.stays ? was.memory : { stays: kept };
    if (!fix) return stepLatch(was, context, undefined, undefined, keeping);
    const seen = context.underway && context.places.length > 0;
    const place = seen ? context.places.find((known) => isElsewhere(known, context)) : undefined;
    if (!place) return stepLatch(was, context, false, undefined, numbered ? undefined : keeping);
    const before = kept.find(({ placeId }) => placeId === place.placeId);
    const stay = stayOf(before, place.placeId, report.timeMs, numbered);
    const others = numbered ? [] : kept.filter((other) => other !== before);
    const memory = numbered && stay === before && keeping ? keeping : { stays: [...others, stay] };
    const parked = report.timeMs - stay.sinceMs > afterMin * 60_000;
    const evidence = () => ({ placeId: place.placeId, name: place.name, sinceMs: stay.sinceMs });
    return stepLatch(was, context, parked && !context.repeated ? true : undefined, evidence, memory);
  },
});

const NO_STAYS: readonly Stay[] = [];

/** Stays that this record may be part of. */
function keptStays(
  { memory }: RuleState<Memory>,
  { follows, report }: EvaluationContext,
  numbered: boolean,
  sparseMs: number,
): readonly Stay[] {
  const stays = staysIn(memory);
  if (numbered) return follows ? stays : NO_STAYS;
  const isClose = ({ untilMs = 0 }: Stay) => report.timeMs - untilMs <= sparseMs;
  return stays.every(isClose) ? stays : stays.filter(isClose);
}

function staysIn({ stays, placeId, sinceMs = 0 }: FormerMemory = {}): readonly Stay[] {
  return stays ?? (placeId === undefined ? NO_STAYS : [{ placeId, sinceMs }]);
}

function stayOf(before: Stay | undefined, placeId: string, timeMs: number, numbered: boolean): Stay {
  if (numbered) return before ?? { placeId, sinceMs: timeMs };
  return { placeId, sinceMs: before?.sinceMs ?? timeMs, untilMs: timeMs };
}

/** A port that holds the destination is not another place, though the berth itself is smaller. */
function isElsewhere(place: KnownPlace, { plan, allowedStops }: EvaluationContext): boolean {
  if (!DESTINATIONS.has(place.kind) || allowedStops.length > 0) return false;
  return ![0, plan.corridor.pointCount - 1].some((end) =>
    zonesAt(plan.places.zones, plan.corridor.lon[end] ?? 0, plan.corridor.lat[end] ?? 0).includes(place.placeId),
  );
}
