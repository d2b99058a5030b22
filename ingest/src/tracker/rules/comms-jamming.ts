import { z } from 'zod';
import type { EvaluationContext } from '../evaluation-context.ts';
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
 * The lock reports it; or radio and GNSS failed together on the route and came back off it, and the lock's numbering shows
 * that it was awake all the while (no record is missing, so none can turn up and explain it).
 */
export const commsJamming = defineRule<typeof params, Memory>({
  rule: 'comms.jamming',
  kind: 'latched',
  severity: 'major',
  eaeuCode: '07',
  text: { zh: '疑似干扰', en: 'Jamming suspected' },
  params,
  judge: (was, context, { darkMin }) => {
    if (!context.sealed) return was;
    const { report, verdict } = context;
    const flagged = report.events?.some((event) => event.type === 'jamming') ?? false;
    const lost = cameBackOff(was.memory, context, darkMin * 60_000);
    const memory =
      context.fix && !context.repeated
        ? remember(was.memory, verdict?.where === 'inside', true)
        : was.memory && remember(was.memory, was.memory.inside, was.memory.dark && report.kind === 'backfill');
    const evidence = () => (flagged ? { sign: 'flag' } : { sign: 'lost-together', lostMs: context.last?.fix?.timeMs });
    return stepLatch(was, context, flagged || lost, evidence, memory);
  },
});

function remember(was: Memory | undefined, inside: boolean, dark: boolean): Memory {
  return was && was.inside === inside && was.dark === dark ? was : { inside, dark };
}

function cameBackOff(
  memory: Memory | undefined,
  { last, follows, fix, verdict }: EvaluationContext,
  darkMs: number,
): boolean {
  if (!memory?.inside || !memory.dark || !fix || !last?.fix || verdict?.where !== 'outside') return false;
  // Without a record in between the lock slept; that is silence and not jamming.
  if (last.timeMs === last.fix.timeMs) return false;
  const complete = follows && last.unbrokenMs <= last.fix.timeMs;
  return complete && fix.timeMs - last.fix.timeMs >= darkMs;
}
