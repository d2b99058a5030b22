import { GAP_PARAMS } from '@sealwatch/geofence';
import { defineRule } from '../rule.ts';

/**
 * Between two fixes on the route more time passed than the section needs, or less than it can be driven in: an unseen
 * detour is possible. It is not proven, so the alarm is minor and not red.
 */
export const timeUnaccounted = defineRule<typeof GAP_PARAMS, never>({
  rule: 'time.unaccounted',
  kind: 'edge',
  severity: 'minor',
  text: { zh: '时间去向不明', en: 'Time unaccounted for' },
  params: GAP_PARAMS,
  geofence: true,
  judge: (was, context) => {
    const gap = context.verdict?.gap;
    if (!gap || !context.underway) return was;
    return {
      ended: [
        {
          lockId: context.report.lockId,
          startedMs: gap.fromMs,
          confirmedMs: gap.toMs,
          endedMs: gap.toMs,
          ...(context.late ? { late: true } : {}),
          ...(context.last?.fix ? { position: { lon: context.last.fix.lon, lat: context.last.fix.lat } } : {}),
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
