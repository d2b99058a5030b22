import type { LockMode } from '@sealwatch/schemas';
import { z } from 'zod';
import { paramsAt, type TripParams } from '../params.ts';
import { defineRule } from '../rule.ts';
import type { TripState } from '../state.ts';

const seconds = (value: number) => z.number().positive().max(604_800).default(value);

const silenceParams = z.object({
  factor: z.number().min(1).max(100).default(2),
  leastMin: z.number().positive().max(1_440).default(3),
  sleepS: seconds(1_800),
  awakeS: seconds(60),
  sealedS: seconds(30),
  trackingS: seconds(30),
  // A battery below 5 % wakes once a day.
  deepSleepS: seconds(86_400),
});
type SilenceParams = z.output<typeof silenceParams>;

/** How long a lock in this mode may say nothing, milliseconds. A sealed lock is expected where it does not say its mode. */
export function silenceLimitMs(mode: LockMode | undefined, params: SilenceParams): number {
  return Math.max(params.factor * intervalS(mode, params) * 1_000, params.leastMin * 60_000);
}

/** The values where the truck was when the lock fell silent: nobody knows where it is since. */
export function silenceAt(params: TripParams, state: TripState): SilenceParams {
  return paramsAt(params, 'comms.silent', state.doneM) as SilenceParams;
}

function intervalS(mode: LockMode | undefined, params: SilenceParams): number {
  if (mode === 'sleep') return params.sleepS;
  if (mode === 'awake') return params.awakeS;
  if (mode === 'tracking') return params.trackingS;
  return mode === 'deep-sleep' ? params.deepSleepS : params.sealedS;
}

/**
 * In hindsight: no record was made between two of them. While it lasts only the clock can tell (`liveness`), under the
 * same onset and so the same alarm; records that come late and fill the time take it away.
 */
export const commsSilent = defineRule<typeof silenceParams, never>({
  rule: 'comms.silent',
  kind: 'level',
  severity: 'major',
  eaeuCode: '06',
  text: { zh: '失联', en: 'Lock silent' },
  params: silenceParams,
  judge: (was, moment) => {
    const { last, report, plan, before } = moment;
    if (!last || !moment.sealed || last.timeMs < (plan.sealedAtMs ?? 0)) return was;
    const limitMs = silenceLimitMs(last.mode, silenceAt(plan.params, before));
    if (report.timeMs - last.timeMs <= limitMs) return was;
    return {
      ended: [
        {
          lockId: report.lockId,
          startedMs: last.timeMs,
          confirmedMs: last.timeMs + limitMs,
          endedMs: report.timeMs,
          ...(moment.late ? { late: true } : {}),
          ...(last.fix ? { position: { lon: last.fix.lon, lat: last.fix.lat } } : {}),
          evidence: { limitMin: limitMs / 60_000, mode: last.mode },
        },
      ],
    };
  },
});
