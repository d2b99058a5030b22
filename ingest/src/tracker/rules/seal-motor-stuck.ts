import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { stepLevel } from './level.ts';

/** A stuck motor cannot be distinguished from a lock held open, and will not open at the gate. */
export const sealMotorStuck = defineRule({
  rule: 'seal.motor-stuck',
  kind: 'level',
  severity: 'major',
  eaeuCode: '04',
  text: { zh: '锁电机卡死', en: 'Lock motor stuck' },
  params: z.object({}),
  judge: (was, context) => {
    const motor = context.report.seal?.motor;
    return stepLevel(was, context, motor === undefined ? undefined : motor === 'stuck');
  },
});
