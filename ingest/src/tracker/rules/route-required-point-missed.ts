import { compileZones, crossZones, locate, type Zones, zonesAt } from '@sealwatch/geofence';
import { z } from 'zod';
import type { Episode, RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import type { TripPlan } from '../plan.ts';
import { defineRule, episodeAt } from '../rule.ts';

const params = z.object({
  /** So far beyond the point's circle it has been passed. */
  passedM: z.number().positive().max(100_000).default(500),
  /** Fixes farther apart leave room for an unseen visit. */
  sparseS: z.number().positive().max(3_600).default(120),
});

interface Memory {
  /** Since when fixes follow each other closely and no record is missing; absent: not now. */
  closeMs?: number;
  /** Points well ahead of the last believed fix, by their place in the route. Most records leave them as they were. */
  ahead: readonly number[];
  /** Points beside the truck: when it was last seen well before them. */
  beforeMs: Readonly<Record<string, number>>;
}

/** A stored memory may hold points ahead in `beforeMs` alone. */
const NOTHING_AHEAD: Memory = { ahead: [], beforeMs: {} };

/**
 * A missing visit is no record, so it is proven only where none can be missing: an unbroken run of close fixes from before
 * the point to behind it, none of them in its circle. Anything less stays provisional until the records come.
 */
export const routeRequiredPointMissed = defineRule<typeof params, Memory>({
  rule: 'route.required-point-missed',
  kind: 'latched',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '漏经必经点', en: 'Required point missed' },
  params,
  judge: (was, context, { passedM, sparseS }) => {
    const points = pointsOf(context.plan);
    if (points.list.length === 0 || !context.sealed) return was;
    const before = was.memory?.ahead ? was.memory : { ...NOTHING_AHEAD, ...was.memory };
    const closeMs = closeSince(was.memory, context, sparseS * 1_000);
    const progressM = believedProgressM(context);
    if (progressM === undefined || !context.fix) {
      return closeMs === before.closeMs ? was : { ...was, memory: withClose(before, closeMs) };
    }
    const isAhead = (point: Point) => progressM < point.progressM - point.radiusM - passedM;
    if (!was.open && closeMs === before.closeMs && isUnchanged(before, points.list, isAhead)) return was;
    const ahead = [...points.list.keys()].filter((index) => isAhead(points.list[index]!));
    const beforeMs = besideMs(before, ahead, context, points.zones);
    const after: RuleState<Memory> = { memory: withClose({ ahead, beforeMs }, closeMs), ended: [] };
    for (const [index, seenMs] of Object.entries(beforeMs)) {
      const point = points.list[Number(index)];
      if (!point || progressM < point.progressM + point.radiusM + passedM) continue;
      const proven = closeMs !== undefined && closeMs <= seenMs;
      const episode = missed(context, point.name, seenMs, proven);
      if (proven) {
        delete beforeMs[index];
        after.ended?.push({ ...episode, endedMs: context.report.timeMs });
      } else after.open = was.open ?? episode;
    }
    return after;
  },
});

function withClose({ ahead, beforeMs }: Memory, closeMs: number | undefined): Memory {
  return closeMs === undefined ? { ahead, beforeMs } : { closeMs, ahead, beforeMs };
}

function isUnchanged({ ahead, beforeMs }: Memory, points: readonly Point[], isAhead: (point: Point) => boolean) {
  for (const _ in beforeMs) return false;
  return points.every((point, index) => isAhead(point) === ahead.includes(index));
}

/** The points that the truck is beside of now, without those that it has visited. */
function besideMs(before: Memory, ahead: number[], context: EvaluationContext, zones: Zones): Record<string, number> {
  const beside: Record<string, number> = { ...before.beforeMs };
  const { lockId } = context.report;
  const lastMs = context.before.route.locks.find((lock) => lock.lockId === lockId)?.at?.timeMs;
  if (lastMs !== undefined) for (const index of before.ahead) beside[index] = lastMs;
  for (const index of ahead) delete beside[index];
  for (const index of visitedBy(zones, context)) delete beside[index];
  return beside;
}

function missed(context: EvaluationContext, name: string, seenMs: number, proven: boolean): Episode {
  const { confirmedMs, provenMs, ...episode } = episodeAt(context, { point: name });
  return { ...episode, lastInsideMs: seenMs, ...(proven ? { confirmedMs, provenMs } : {}) } as Episode;
}

function closeSince(
  memory: Memory | undefined,
  { last, follows, report, fix }: EvaluationContext,
  sparseMs: number,
): number | undefined {
  const close = follows && last?.fix !== undefined && report.timeMs - last.fix.timeMs <= sparseMs;
  if (close && memory?.closeMs !== undefined) return memory.closeMs;
  return fix ? report.timeMs : undefined;
}

function believedProgressM({ verdict }: EvaluationContext): number | undefined {
  return verdict?.located && verdict.problems.length === 0 ? verdict.located.progressM : undefined;
}

function visitedBy(zones: Zones, { fix, last }: EvaluationContext): string[] {
  if (!fix) return [];
  const there = zonesAt(zones, fix.lon, fix.lat);
  const on = last?.fix ? crossZones(zones, [last.fix.lon, last.fix.lat], [fix.lon, fix.lat]).map(({ id }) => id) : [];
  return [...there, ...on];
}

interface Point {
  name: string;
  progressM: number;
  radiusM: number;
}

interface Points {
  zones: Zones;
  list: Point[];
}

// Shared by the trips of a route, like the route's other places.
const compiled = new WeakMap<TripPlan['route'], Points>();

function pointsOf(plan: TripPlan): Points {
  let points = compiled.get(plan.route);
  if (!points) {
    const circles = plan.route.properties.requiredPoints;
    points = {
      zones: compileZones(circles.map((circle, index) => ({ id: String(index), circle }))),
      list: circles.map(({ name, center, radiusM }) => ({
        name,
        radiusM,
        progressM: locate(plan.corridor, center[0], center[1]).progressM,
      })),
    };
    compiled.set(plan.route, points);
  }
  return points;
}
