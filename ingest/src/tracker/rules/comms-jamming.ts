import { z } from 'zod';
import { isNextOf } from '../../record/report.ts';
import type { Moment } from '../moment.ts';
import { defineRule } from '../rule.ts';
import { stepLatch } from './latch.ts';

const params = z.object({ darkMin: z.number().positive().max(1_440).default(3) });

interface Memory {
  /** The newest GNSS fix was on the route. */
  inside: boolean;
  /** Since it no record was sent when it was made. */
  dark: boolean;
}

/**
 * The lock says so; or radio and GNSS went together on the route and came back off it, and the lock's numbering shows
 * that it was awake all the while (no record is missing, so none can turn up and explain it).
 */
export const commsJamming = defineRule<typeof params, Memory>({
  rule: 'comms.jamming',
  kind: 'latched',
  severity: 'major',
  eaeuCode: '07',
  text: { zh: '信号干扰', en: 'Jamming' },
  params,
  judge: (was, moment, { darkMin }) => {
    if (!moment.sealed) return was;
    const { report, verdict } = moment;
    const flagged = report.events?.some((event) => event.type === 'jamming') ?? false;
    const lost = cameBackOff(was.memory, moment, darkMin * 60_000);
    const memory = moment.fix
      ? remember(was.memory, verdict?.where === 'inside', true)
      : was.memory && remember(was.memory, was.memory.inside, was.memory.dark && report.kind === 'backfill');
    const evidence = () => (flagged ? { sign: 'flag' } : { sign: 'lost-together', lostMs: moment.last?.fix?.timeMs });
    return stepLatch(was, moment, flagged || lost, evidence, memory);
  },
});

function remember(was: Memory | undefined, inside: boolean, dark: boolean): Memory {
  return was && was.inside === inside && was.dark === dark ? was : { inside, dark };
}

function cameBackOff(memory: Memory | undefined, { last, report, fix, verdict }: Moment, darkMs: number): boolean {
  if (!memory?.inside || !memory.dark || !fix || !last?.fix || verdict?.where !== 'outside') return false;
  // Without a record in between the lock slept; that is silence and not jamming.
  if (last.timeMs === last.fix.timeMs) return false;
  const complete = isNextOf(last, report) && last.unbrokenMs <= last.fix.timeMs;
  return complete && fix.timeMs - last.fix.timeMs >= darkMs;
}
