import { z } from 'zod';
import type { Episode, RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import type { KnownPlace } from '../plan.ts';
import { defineRule, episodeAt } from '../rule.ts';
import { crossedBetween } from './area-crossing.ts';

const params = z.object({
  straightMostMin: z.number().positive().max(60).default(2),
  /** Fixes farther apart in time leave room for a way around an area that lies across the whole corridor. */
  corridorMostMin: z.number().positive().max(60).default(10),
});

interface Memory {
  /** Areas that the truck is in besides that of the open episode, in the order entered. */
  also: Episode[];
}

/**
 * A sealed truck may not enter, even between two fixes. Every area is an episode of its own: while a truck is in several at
 * once, the one entered first is the open alarm and names the others; as it ends the next one follows, from its own entry.
 */
export const routeRestrictedArea = defineRule<typeof params, Memory>({
  rule: 'route.restricted-area',
  kind: 'edge',
  severity: 'major',
  eaeuCode: '03',
  text: { zh: '进入禁区', en: 'In a restricted area' },
  params,
  judge: (was, context, values) => {
    if (!context.fix || context.repeated || !context.sealed || (context.verdict?.problems.length ?? 0) > 0) return was;
    const inside = context.places.filter((place) => place.kind === 'restricted');
    const before = was.open ? [was.open, ...(was.memory?.also ?? [])] : [];
    const isIn = ({ evidence }: Episode) => inside.some(({ placeId }) => placeId === evidence?.placeId);
    const entered = inside.filter(({ placeId }) => !before.some(({ evidence }) => evidence?.placeId === placeId));
    const crossed = crossedBetween(context, values);
    if (entered.length === 0 && crossed.length === 0 && before.every(isIn)) return was;
    const begun = [...entered, ...crossed].map((place, index) => begin(context, place, index));
    const over = [...before.filter((episode) => !isIn(episode)), ...begun.slice(entered.length)];
    const ended = over.map((episode) => ({ ...episode, endedMs: context.report.timeMs }));
    return withOpen([...before.filter(isIn), ...begun.slice(0, entered.length)], ended);
  },
});

/** @param index among the areas that this record shows: the alarms of one record need ids of their own */
function begin(context: EvaluationContext, { placeId, name }: KnownPlace, index: number): Episode {
  return { ...episodeAt(context, { placeId, name }), ...(index === 0 ? {} : { of: placeId }) };
}

function withOpen([first, ...also]: Episode[], ended: Episode[]): RuleState<Memory> {
  if (first === undefined) return { ended };
  const { also: _, ...evidence } = first.evidence ?? {};
  const names = also.map((episode) => episode.evidence?.name);
  const open = { ...first, evidence: names.length === 0 ? evidence : { ...evidence, also: names } };
  return also.length === 0 ? { open, ended } : { memory: { also }, open, ended };
}
