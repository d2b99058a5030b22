import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { percentParam, stepBand } from './power-band.ts';

const params = z.object({ percent: percentParam(30), veryLowPercent: percentParam(15) });

/** Enough for this trip, perhaps not for the next one. */
export const powerLow = defineRule<typeof params, never>({
  rule: 'power.low',
  kind: 'level',
  severity: 'minor',
  eaeuCode: '05',
  text: { zh: '电量低', en: 'Battery low' },
  params,
  event: 'lock.low-battery',
  judge: (was, context, values) => stepBand(was, context, values.veryLowPercent, values.percent),
});
