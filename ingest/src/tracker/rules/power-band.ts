import { z } from 'zod';
import type { RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { stepLevel } from './level.ts';

export const percentParam = (value: number) => z.number().min(0).max(100).default(value);

/** Readings waver by a percent or two at the edge of a band. */
const RECOVERED_BY = 2;

/** One band of the battery, so that only the worst of the three levels is active: above `from`, at most `upTo` percent. */
export function stepBand(
  was: RuleState<never>,
  context: EvaluationContext,
  from: number,
  upTo: number,
): RuleState<never> {
  const percent = context.report.battery?.percent;
  if (percent === undefined) return stepLevel(was, context, context.report.battery?.charging ? false : undefined);
  const roof = was.open ? upTo + RECOVERED_BY : upTo;
  const holds = percent > from && percent <= roof;
  return holds ? stepLevel(was, context, true, { evidence: { percent } }) : stepLevel(was, context, false);
}
