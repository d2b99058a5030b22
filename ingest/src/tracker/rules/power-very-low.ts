import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { percentParam, stepBand } from './power-band.ts';

const params = z.object({ percent: percentParam(15), deepSleepPercent: percentParam(5) });

/** The lock may stop reporting before the trip ends. */
export const powerVeryLow = defineRule<typeof params, never>({
  rule: 'power.very-low',
  kind: 'level',
  severity: 'major',
  eaeuCode: '05',
  text: { zh: '电量极低', en: 'Battery very low' },
  params,
  event: 'lock.low-battery',
  judge: (was, context, values) => stepBand(was, context, values.deepSleepPercent, values.percent),
});
