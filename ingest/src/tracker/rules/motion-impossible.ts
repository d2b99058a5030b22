import { distanceM } from '@sealwatch/geofence';
import { z } from 'zod';
import { defineRule } from '../rule.ts';
import { type Burst, stepBurst } from './burst.ts';

const params = z.object({
  fastestKmh: z.number().positive().max(2_000).default(150),
  leastM: z.number().positive().max(100_000).default(1_000),
  windowMin: z.number().positive().max(1_440).default(10),
});

/** The time of receipt may stand in for the time of a faulty clock: so much later or earlier. */
const CLOCK_FAULT_SLACK_S = 120;

/** A jump of the receiver, a spoofed signal or a lock carried on something faster; less than a kilometre is noise. */
export const motionImpossible = defineRule<typeof params, Burst>({
  rule: 'motion.impossible',
  kind: 'edge',
  severity: 'major',
  eaeuCode: '07',
  text: { zh: '位置跳变', en: 'Impossible motion' },
  params,
  judge: (was, context, { fastestKmh, leastM, windowMin }) => {
    const { fix, last } = context;
    const from = last?.fix;
    const metres = fix && from && context.sealed ? distanceM(from.lon, from.lat, fix.lon, fix.lat) : 0;
    const surelyM = metres - (fix?.accuracyM ?? 0) - (from?.accuracyM ?? 0);
    // Fix times have a resolution of a second.
    const slackS = context.report.clockFault === undefined ? 0 : CLOCK_FAULT_SLACK_S;
    const seconds = fix && from ? Math.max(1, (fix.timeMs - from.timeMs) / 1_000) + slackS : 1;
    const kmh = (surelyM / seconds) * 3.6;
    const impossible = surelyM > leastM && kmh > fastestKmh;
    return stepBurst(was, context, impossible ? 1 : 0, windowMin * 60_000, (_recent, count) => ({
      evidence: {
        count,
        metres: Math.round(metres),
        seconds,
        impliedKmh: Math.round(kmh),
        ...(from ? { from: { lon: from.lon, lat: from.lat, timeMs: from.timeMs } } : {}),
      },
    }));
  },
});
