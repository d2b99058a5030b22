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
  judge: (was, moment, { percent }) =>
    moment.report.mode === 'deep-sleep'
      ? stepLevel(was, moment, true, { evidence: { mode: 'deep-sleep', ...moment.report.battery } })
      : stepBand(was, moment, -1, percent),
});
