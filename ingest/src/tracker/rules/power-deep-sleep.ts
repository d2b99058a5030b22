import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';
import { percentParam, stepBand } from './power-band.ts';

const params = z.object({ percent: percentParam(5) });

/** The lock holds the rope and nothing else: no position and no report until it is charged. */
export const powerDeepSleep = defineRule<typeof params, never>({
  rule: 'power.deep-sleep',
  kind: 'level',
  severity: 'major',
  eaeuCode: '05',
  text: { zh: '深度休眠', en: 'Deep sleep' },
  params,
  event: 'lock.low-battery',
  judge: (was, context, { percent }) =>
    context.report.mode === 'deep-sleep'
      ? stepLevel(was, context, true, { evidence: { mode: 'deep-sleep', ...context.report.battery } })
      : stepBand(was, context, -1, percent),
});
