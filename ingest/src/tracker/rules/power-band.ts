import { z } from 'zod';
import type { Moment } from '../moment.ts';
import type { Ruling } from '../rule.ts';
import { stepLevel } from './level.ts';

export const percentParam = (value: number) => z.number().min(0).max(100).default(value);

/** Readings waver by a percent or two at the edge of a band. */
const RECOVERED_BY = 2;

/** One band of the battery, so that only the worst of the three levels stands: above `from`, at most `upTo` percent. */
export function stepBand(was: Ruling<never>, moment: Moment, from: number, upTo: number): Ruling<never> {
  const percent = moment.report.battery?.percent;
  if (percent === undefined) return stepLevel(was, moment, moment.report.battery?.charging ? false : undefined);
  const roof = was.open ? upTo + RECOVERED_BY : upTo;
  const holds = percent > from && percent <= roof;
  return holds ? stepLevel(was, moment, true, { evidence: { percent } }) : stepLevel(was, moment, false);
}
