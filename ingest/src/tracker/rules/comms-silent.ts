import { z } from 'zod';
import type { Episode } from '../episode.ts';
import { paramsAt } from '../params.ts';
import type { TripPlan } from '../plan.ts';
import { defineRule, type ListeningSince } from '../rule.ts';
import type { LockMemory, TripState } from '../state.ts';

const RULE = 'comms.silent';

const seconds = (value: number) => z.number().positive().max(604_800).default(value);

const params = z.object({
  factor: z.number().min(1).max(100).default(2),
  leastMin: z.number().positive().max(1_440).default(3),
  sleepS: seconds(1_800),
  awakeS: seconds(60),
  sealedS: seconds(30),
  trackingS: seconds(30),
  // A battery below 5 % wakes once a day.
  deepSleepS: seconds(86_400),
});
type Params = z.output<typeof params>;

/**
 * No record was made for longer than the lock's mode allows. The fold finds it in hindsight between two records; while it
 * lasts the clock raises it, at the earliest one limit after the platform could hear the lock again, with the same start
 * and so as the same alarm. Late records that fill the time withdraw it.
 */
export const commsSilent = defineRule<typeof params, never>({
  rule: RULE,
  kind: 'level',
  severity: 'major',
  breaksCheck: 'not-silent',
  shows: 'silence',
  eaeuCode: '06',
  text: { zh: '关锁失联', en: 'Lock silent' },
  onlyWhileOpen: true,
  params,
  judge: (was, context) => {
    const { last, report, plan, before } = context;
    if (!last || !context.sealed || last.timeMs < (plan.sealedAtMs ?? 0)) return was;
    // The values where the truck was when the lock fell silent: since then its place is unknown.
    const values = paramsAt(plan.params, RULE, before.doneM) as Params;
    const limitMs = limitOf(last.mode, values);
    if (report.timeMs - last.timeMs <= limitMs) return was;
    const late = context.late ? { late: true } : {};
    return { ended: [{ ...silenceOf(report.lockId, last, limitMs), endedMs: report.timeMs, ...late }] };
  },
  clock: {
    openAt: longestSilence,
    isStillOpen: (_plan, state, { lockId, startedMs }) => state.locks[lockId]?.timeMs === startedMs,
  },
});

/** How long a lock in this mode may make no record, ms. A lock whose mode is unknown is expected to report as a sealed one. */
function limitOf(mode: string | undefined, values: Params): number {
  return Math.max(values.factor * intervalS(mode, values) * 1_000, values.leastMin * 60_000);
}

function intervalS(mode: string | undefined, values: Params): number {
  if (mode === 'sleep') return values.sleepS;
  if (mode === 'awake') return values.awakeS;
  if (mode === 'tracking') return values.trackingS;
  return mode === 'deep-sleep' ? values.deepSleepS : values.sealedS;
}

/** Of the trip's silent locks the one whose limit ran out first. */
function longestSilence(
  plan: TripPlan,
  state: TripState,
  nowMs: number,
  values: Params,
  listeningMs: ListeningSince,
): Episode | undefined {
  const { sealedAtMs, unlockAuthorisedAtMs } = plan;
  if (sealedAtMs === undefined || unlockAuthorisedAtMs !== undefined) return undefined;
  const silent = plan.locks.flatMap((lockId) => {
    const last = state.locks[lockId];
    if (!last || last.timeMs < sealedAtMs) return [];
    const limitMs = limitOf(last.mode, values);
    if (nowMs - last.timeMs <= limitMs) return [];
    const dueMs = Math.max(last.timeMs, listeningMs(lockId)) + limitMs;
    return nowMs > dueMs ? [{ lockId, last, limitMs, dueMs }] : [];
  });
  const first = silent.sort((a, b) => a.dueMs - b.dueMs || (a.lockId < b.lockId ? -1 : 1))[0];
  return first && { ...silenceOf(first.lockId, first.last, first.limitMs), confirmedMs: first.dueMs };
}

function silenceOf(lockId: string, last: LockMemory, limitMs: number): Episode {
  return {
    lockId,
    startedMs: last.timeMs,
    confirmedMs: last.timeMs + limitMs,
    ...(last.fix ? { position: { lon: last.fix.lon, lat: last.fix.lat } } : {}),
    evidence: { limitMin: limitMs / 60_000, mode: last.mode },
  };
}
