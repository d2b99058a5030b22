import { z } from 'zod';
import { defineRule } from '../rule.ts';

const params = z.object({
  gapMs: z.number().min(10_000).max(86_400_000).default(180_000),
  cruiseKmh: z.number().min(5).max(200).default(60),
  unaccountedMs: z.number().min(0).max(86_400_000).default(600_000),
});

/**
 * Between two distant fixes on the route more time passed than the section needs, or less than it can be driven in: a
 * detour that nobody saw fits in. It is no proof of one, so it is told and not red.
 */
export const timeUnaccounted = defineRule<typeof params, never>({
  rule: 'time.unaccounted',
  kind: 'edge',
  severity: 'minor',
  text: { zh: '时间去向不明', en: 'Time unaccounted for' },
  params,
  judge: (was, moment) => {
    const gap = moment.verdict?.gap;
    if (!gap || !moment.underway) return was;
    return {
      ended: [
        {
          lockId: moment.report.lockId,
          startedMs: gap.fromMs,
          confirmedMs: gap.toMs,
          endedMs: gap.toMs,
          ...(moment.late ? { late: true } : {}),
          ...(moment.last?.fix ? { position: { lon: moment.last.fix.lon, lat: moment.last.fix.lat } } : {}),
          evidence: {
            kind: gap.kind,
            fromM: Math.round(gap.fromM),
            toM: Math.round(gap.toM),
            unaccountedMin: Math.round(gap.unaccountedMs / 6_000) / 10,
            averageKmh: Math.round(gap.averageKmh * 10) / 10,
          },
        },
      ],
    };
  },
});
