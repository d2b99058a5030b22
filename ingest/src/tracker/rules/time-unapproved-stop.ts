import { z } from 'zod';
import type { EvaluationContext } from '../evaluation-context.ts';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

const params = z.object({
  maxStopMin: z.number().positive().max(10_080).default(15),
  serviceAreaMaxMin: z.number().positive().max(10_080).default(120),
});
type Params = z.output<typeof params>;

interface Memory {
  /** A stop was over then although the truck had not moved (it stood at the edge of the destination): the next begins there. */
  fromMs: number;
}

/** A quarter of an hour is enough to empty a box; red lights and queues at a toll station are shorter. */
export const timeUnapprovedStop = defineRule<typeof params, Memory>({
  rule: 'time.unapproved-stop',
  kind: 'level',
  severity: 'major',
  breaksCheck: 'no-overtime-stop',
  text: { zh: '违规停车', en: 'Unapproved stop' },
  params,
  judge: (was, context, values) => {
    const { halt, report } = context;
    if (!halt) return was;
    if (was.open && halt.ended) return { ended: [{ ...was.open, endedMs: halt.ended.endedMs }] };
    if (!context.underway) return stepLevel(was, context, false, {}, { fromMs: report.timeMs });
    if (was.open || halt.halt.away) return was;
    const begunMs = context.plan.departedAtMs ?? context.plan.sealedAtMs ?? 0;
    const sinceMs = Math.max(halt.halt.sinceMs, begunMs, was.memory?.fromMs ?? 0);
    const limitMin = longestStopMin(context, values);
    if (report.timeMs - sinceMs <= limitMin * 60_000) return was;
    const details = {
      startedMs: sinceMs,
      position: { lon: halt.halt.lon, lat: halt.halt.lat },
      evidence: { limitMin, ...stopName(context) },
    };
    return stepLevel(was, context, true, details, was.memory);
  },
});

function longestStopMin(context: EvaluationContext, { maxStopMin, serviceAreaMaxMin }: Params): number {
  const { allowedStops } = context.plan.route.properties;
  const stays = context.allowedStops.map((index) => allowedStops[index]?.maxStayMin ?? Number.POSITIVE_INFINITY);
  if (stays.length > 0) return Math.max(...stays);
  if (context.places.some(({ kind }) => kind === 'gate' || kind === 'office')) return Number.POSITIVE_INFINITY;
  return context.places.some(({ kind }) => kind === 'service-area') ? serviceAreaMaxMin : maxStopMin;
}

function stopName({ allowedStops, plan, places }: EvaluationContext): { place?: string } {
  const place = plan.route.properties.allowedStops[allowedStops[0] ?? -1]?.name ?? places[0]?.name;
  return place === undefined ? {} : { place };
}
