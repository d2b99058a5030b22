import type { Episode, RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { episodeAt } from '../rule.ts';

/**
 * A latched rule that one record proves. A record that shows the contrary ends the episode, and only that: proofs stay
 * proofs whatever else comes (law 4), so more records can split an episode but never take it away.
 * @param shows true: a proof; false: the contrary; undefined: neither
 * @param evidence asked only where an episode begins: most records begin none
 */
export function stepLatch<Memory>(
  was: RuleState<Memory>,
  context: EvaluationContext,
  shows: boolean | undefined,
  evidence?: (context: EvaluationContext) => Record<string, unknown>,
  memory?: Memory,
): RuleState<Memory> {
  if (!shows && was.memory === memory && (shows === undefined || !was.open)) return was;
  if (shows === undefined) return { memory, open: was.open };
  if (!shows) return was.open ? { memory, ended: [{ ...was.open, endedMs: context.report.timeMs }] } : { memory };
  const open: Episode = was.open
    ? { ...was.open, provenMs: context.report.timeMs }
    : episodeAt(context, evidence?.(context));
  return { memory, open };
}
