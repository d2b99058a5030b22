import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

/** A stuck motor cannot be told from a lock held open, and will not open at the gate. */
export const sealMotorStuck = defineRule({
  rule: 'seal.motor-stuck',
  kind: 'level',
  severity: 'major',
  eaeuCode: '04',
  text: { zh: '锁电机卡滞', en: 'Lock motor stuck' },
  params: z.object({}),
  judge: (was, moment) => stepLevel(was, moment, moment.report.seal && moment.report.seal.motor === 'stuck'),
});
